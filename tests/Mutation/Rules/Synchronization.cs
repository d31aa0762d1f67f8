namespace SkipSoftmax.Mutation;

/// <summary>What synchronizes: calls of the machine that order, wait or signal, and statements and functions of the templates that do nothing else.</summary>
internal sealed class Synchronization(TemplateSet templates)
{
    /// <summary>Of CUDA C++ itself.</summary>
    private static readonly string[] builtIn = ["__syncwarp", "__syncthreads"];

    private static readonly string[] instructionPrefixes =
    [
        "mbarrier_", "named_barrier_", "fence_", "wgmma_fence", "wgmma_commit", "wgmma_wait", "tcgen05_fence", "tcgen05_commit", "tcgen05_wait", "tcgen05_allocate",
        "tcgen05_relinquish", "tcgen05_release", "grid_wait",
    ];

    /// <summary>Those that give an answer: a test of a barrier, or what a warp or a barrier's threads say together.</summary>
    private static readonly string[] voting = ["mbarrier_test", "named_barrier_any", "warp_any", "warp_all", "warp_or"];

    /// <summary>Prepares a barrier; to whom it is visible follows from the other calls.</summary>
    private const string Initialization = "mbarrier_init";

    private readonly Dictionary<(string, string), bool> functions = [];

    /// <summary>One that stands alone and has no result, and whose place among other statements matters.</summary>
    public bool IsPlain(Call call) => !IsVoting(call) && call.Name != Initialization && IsAny(call);

    /// <summary>One whose result is used.</summary>
    public bool IsVoting(Call call) => voting.Contains(call.Name) && templates.InstructionOf(call) is not null;

    public static bool IsInitialization(Call call) => call.Name == Initialization;

    /// <summary>Whether a statement does nothing but synchronize, be it by some threads only or several times.</summary>
    public bool IsPlain(TemplateFile file, Statement statement) => statement.Kind switch
    {
        StatementKind.Simple => CallOf(file, statement) is Call call && IsPlain(call),
        StatementKind.If or StatementKind.Block or StatementKind.Loop => statement.Children.Count > 0 && statement.Children.All(child => IsPlain(file, child)),
        _ => false,
    };

    /// <summary>The call that a statement consists of, or null.</summary>
    public static Call? CallOf(TemplateFile file, Statement statement) =>
        statement.Kind == StatementKind.Simple ? file.Calls.FirstOrDefault(call => call.First == statement.Head && call.Last == statement.HeadEnd - 1) : null;

    /// <summary>
    /// Where a statement that only synchronizes orders less than before: a wait that is taken later, a signal that is given earlier; anything else on
    /// either side. A wait taken earlier and a signal given later cost time, or all progress, but never order.
    /// </summary>
    public Direction WeakerTowards(TemplateFile file, Statement statement)
    {
        Direction common = Direction.Both;
        foreach (Call call in file.Calls.Where(call => statement.First <= call.NameToken && call.NameToken <= statement.Last && IsAny(call)))
        {
            common &= WeakerTowards(call);
        }
        return common == Direction.None ? Direction.Both : common;
    }

    private Direction WeakerTowards(Call call)
    {
        if (call.Name is "mbarrier_wait" or "wgmma_wait" or "tcgen05_wait_loads" or "tcgen05_wait_stores" or "tcgen05_fence_after_sync" or "grid_wait")
        {
            return Direction.Later;
        }
        if (call.Name.EndsWith("_arrive", StringComparison.Ordinal) || call.Name is "mbarrier_arrive_expect_bytes" or "mbarrier_init_fence" or "tcgen05_commit" or "tcgen05_fence_before_sync" or "tcgen05_release")
        {
            return Direction.Earlier;
        }
        return templates.InstructionOf(call) is null && templates.Definitions(call).FirstOrDefault() is (TemplateFile file, Function function)
            ? WeakerTowards(file, function.Body)
            : Direction.Both;
    }

    private bool IsAny(Call call)
    {
        if (builtIn.Contains(call.Name))
        {
            return true;
        }
        if (templates.InstructionOf(call) is not null)
        {
            return instructionPrefixes.Any(prefix => call.Name.StartsWith(prefix, StringComparison.Ordinal));
        }
        return templates.Definitions(call).Any(definition => IsPlain(definition.File, definition.Function));
    }

    /// <summary>A function of the templates that only synchronizes; recursion does not make it so.</summary>
    private bool IsPlain(TemplateFile file, Function function)
    {
        (string, string) key = (file.Path, function.QualifiedName);
        if (!functions.TryGetValue(key, out bool plain))
        {
            functions[key] = false;
            functions[key] = plain = IsPlain(file, function.Body);
        }
        return plain;
    }
}

/// <summary>Among the statements of a block.</summary>
[Flags]
internal enum Direction
{
    None = 0,
    Earlier = 1,
    Later = 2,
    Both = Earlier | Later,
}
