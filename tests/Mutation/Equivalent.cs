using System.Text.Json;

namespace SkipSoftmax.Mutation;

/// <summary>A mutant that is known to survive, and why: an entry of <c>equivalents.json</c>. It names what is changed by its words, not its line.</summary>
/// <param name="Rule">As the mutant's.</param>
/// <param name="Function">As the mutant's.</param>
/// <param name="Statement">As the mutant's.</param>
/// <param name="Change">As the mutant's.</param>
/// <param name="Reason">Why nothing observable changes, or what the simulator does not model.</param>
/// <param name="Kernel">The only one that it survives in, where others share the text; null: in each.</param>
internal sealed record Equivalent(string Rule, string Function, string Statement, string Change, string Reason, string? Kernel = null)
{
    private static readonly JsonSerializerOptions options = new() { PropertyNameCaseInsensitive = true };

    public static IReadOnlyList<Equivalent> All { get; } =
        JsonSerializer.Deserialize<Equivalent[]>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "equivalents.json")), options)!;

    public static Equivalent? Of(MutationTarget target, Mutant mutant) => All.FirstOrDefault(entry => entry.Names(target, mutant));

    public bool Names(MutationTarget target, Mutant mutant) => (Kernel ?? target.Name) == target.Name
        && Rule == mutant.Rule && Function == mutant.Function && Statement == mutant.Statement && Change == mutant.Change;
}
