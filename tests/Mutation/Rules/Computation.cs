namespace SkipSoftmax.Mutation;

/// <summary>Calls that only work something out from a thread's own numbers and the launch's arguments.</summary>
internal sealed class Computation(TemplateSet templates)
{
    /// <summary>Of CUDA C++ and the instruction layer: arithmetic, what gives a warp one number, and what only the compiler sees.</summary>
    private static readonly string[] known =
    [
        "static_cast", "min", "max", "fmaxf", "log2f", "__popc", "__fmaf_rn", "__fmul_rn", "max_with_nan", "exp2_approximate", "pack_float16", "pack_bfloat16",
        "shared_address", "wgmma_descriptor", "warp_uniform", "__shfl_sync", "wgmma_hold", "tcgen05_descriptor", "tcgen05_offset", "max3_with_nan", "pair_add",
        "pair_multiply", "pair_multiply_add",
    ];

    public bool IsPure(TemplateFile file, Call call)
    {
        // A declaration T name(…) copies its arguments.
        bool constructs = file.Tokens[call.NameToken - 1].Kind == TokenKind.Word && !file.Tokens[call.NameToken - 1].IsWord("return");
        return known.Contains(call.Name) || constructs
            || (templates.InstructionOf(call) is null && templates.Definitions(call).ToArray() is { Length: > 0 } definitions
                && definitions.All(definition => IsPure(definition.File, definition.Function)));
    }

    /// <summary>Nothing but declarations, conditions and returns.</summary>
    private bool IsPure(TemplateFile file, Function function) =>
        function.Body.Tree.All(statement => statement.Kind switch
        {
            StatementKind.Simple => file.Tokens[statement.Head].IsWord("return") || IsDeclaration(file, statement),
            StatementKind.Loop => false,
            _ => true,
        })
        && file.Calls.Where(call => function.Body.First <= call.NameToken && call.NameToken <= function.Body.Last).All(call => call.Name != function.Name && IsPure(file, call));

    private static bool IsDeclaration(TemplateFile file, Statement statement)
    {
        Token[] words = file.Tokens[statement.Head..(statement.HeadEnd + 1)];
        int name = words[0].IsWord("constexpr") ? 2 : 1;
        return words.Length > name + 1 && words[name].Kind == TokenKind.Word && (words[name + 1].Is("=") || words[name + 1].Is(";"));
    }
}
