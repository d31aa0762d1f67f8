namespace SkipSoftmax.Generator.Tests;

/// <summary>Writes random declarations: about half valid, the others with a mistake or two, and some cut or damaged as in mid-edit.</summary>
internal sealed class DeclarationFuzzer(Random random)
{
    private static readonly string[] Fragments =
    [
        "{", "}", "(", ")", "[", "]", "<", ">", ";", ",", "=", "@", "\"", "'", "/*", "*/", "//", "#if X", "#endif", "partial", "static", "class", "in", "scoped", "\0", "\\",
        "SkipSoftmaxAttention", "HeadDim", "=>", "?", ".", "ref", "record", "namespace", "\"\"\"", "é", "\uD800", "public", "void", "64",
    ];

    /// <summary>One source file. Its types have names of its own, so that many files make one compilation.</summary>
    public string NextFile(int number)
    {
        string source = "using SkipSoftmax;\n" + WrapInNamespace(WrapInTypes(Members(), number), number);
        return random.Next(100) < 25 ? Damage(source) : source;
    }

    private string WrapInNamespace(string type, int number) => random.Next(4) switch
    {
        0 => type,
        1 => $"namespace N{number};\n{type}",
        2 => $"namespace N{number}.@checked.Inner {{ {type} }}",
        _ => $"namespace N{number} {{ namespace M {{ {type} }} }}",
    };

    private string WrapInTypes(string members, int number)
    {
        string type = Type($"U{number}", members);
        for (int depth = random.Next(10) < 7 ? 0 : random.Next(1, 4); depth > 0; depth--)
        {
            type = Type(One("Outer", "@event", "@record", "Äußeres", "Outer") + (depth > 1 || random.Next(2) == 0 ? $"{number}_{depth}" : $"{number}"), type);
        }
        return type;
    }

    private string Type(string name, string members)
    {
        string keyword = Mostly(One("class", "class", "static class", "sealed class", "struct", "readonly struct", "ref struct", "record", "record struct"), "interface");
        int split = keyword.LastIndexOf(' ') is var space && keyword.EndsWith("record struct", StringComparison.Ordinal) ? keyword.IndexOf("record", StringComparison.Ordinal) : space + 1;
        string modifiers = One("", "public ", "internal ") + keyword[..split] + Mostly("partial ", "", 97);
        return $"{Mostly("", "file ", 98)}{modifiers}{keyword[split..]} {name}{Mostly("", "<T>", 97)}\n{{\n{members}\n}}";
    }

    private string Members()
    {
        List<string> members = [];
        for (int count = random.Next(10) < 7 ? 1 : random.Next(2, 4); count > 0; count--)
        {
            members.Add(Method(Mostly(members.Count == 0 ? One("Prefill", "Decode", "@in", "prefill", "注意") : $"M{count}", "Prefill", 92)));
        }
        members.Add(Mostly("", One("private int PrefillDescriptor;", "class DecodeDescriptor { }", "void Prefill() { }", "int this[int i] => i;"), 94));
        return string.Join("\n", members);
    }

    private string Method(string name)
    {
        bool off = random.Next(6) == 0;
        string parameters = Mostly(string.Join(", ", Parameters(Mostly(off, !off, 97))), One("", "AttentionContext", "int x", "AttentionContext context, in AttentionInputs inputs", "params object[] x", "__arglist"), 96);
        string modifiers = One("public static ", "public ", "internal static ", "private static ", "static ", "", "protected ", "private protected ", "public unsafe static ", "public virtual ", "public readonly ", "public new static ");
        return $"{Attribute(off)}\n{modifiers}{Mostly("partial ", "", 97)}{Mostly("void", One("int", "string?", "Missing", "ref int", "async void"), 97)} "
            + $"{name}{Mostly("", "<T>", 98)}({parameters}){Mostly(";", One(" { }", " => throw null!;", "", " {"), 96)}";
    }

    private IEnumerable<string> Parameters(bool off)
    {
        yield return Mostly("", "this ", 97) + Mostly("AttentionContext", One("AttentionContext?", "global::SkipSoftmax.AttentionContext", "object"), 94) + One(" context", " context", " @this", " c");
        yield return Mostly("in ", One("", "ref ", "out ", "scoped in ", "ref readonly "), 92) + "AttentionInputs " + One("inputs", "inputs", "@in");
        yield return Mostly("", One("ref ", "scoped ", "in "), 94) + "AttentionOutput " + One("output", "output", "@out");
        if (!off)
        {
            yield return Mostly("", "scoped ", 96) + "SkipThreshold " + One("threshold", "threshold = default", "@default");
        }
    }

    private string Attribute(bool off)
    {
        List<string> arguments = [];
        Add("HeadDim", Mostly(One("64", "128", "192", "256", "96", "2 * 32"), One("0", "63", "-1", "int.MaxValue", "Missing", "\"64\"", "1.5"), 95), 98);
        Add("QueryBlock", Mostly(One("64", "128"), One("32", "0"), 95), 30);
        Add("KeyBlock", Mostly(One("64", "128"), One("96", "-64"), 95), 30);
        Add("Threshold", off ? "ThresholdMode.Off" : Mostly("ThresholdMode." + One("Fixed", "ContextScaled", "PerSequence", "TargetSparsity"), One("(ThresholdMode)9", "default", "ThresholdMode.Of"), 95), off ? 100 : 50);
        Add("Mask", Mostly("AttentionMask." + One("None", "Causal"), "(AttentionMask)(-1)", 96), 40);
        Add("Element", Mostly("ElementType." + One("Float16", "BFloat16", "Float32"), "(ElementType)77", 96), 40);
        Add("Targets", Mostly(One("GpuTargets.None", "GpuTargets.Sm90", "GpuTargets.Sm90"), One("GpuTargets.Sm100", "GpuTargets.Sm90 | GpuTargets.Sm100", "(GpuTargets)8", "~GpuTargets.None"), 92), 60);
        Add("Phase", "AttentionPhase." + One("Prefill", "Decode"), 25);
        Add("KvLayout", Mostly("KvLayout." + One("Contiguous", "Paged"), "(KvLayout)(-7)", 96), 15);
        Add("PageSize", Mostly(One("16", "32", "64", "128"), One("0", "48", "int.MinValue", "\"64\""), 90), 15);
        Add("MaxQueryLength", Mostly(One("1", "2", "8"), One("0", "9", "-1"), 90), 15);
        Add("Order", Mostly("TileOrder." + One("Descending", "Ascending", "SinkFirst"), "(TileOrder)3", 96), 40);
        Add("CountTiles", One("true", "false", "!true"), 25);
        Add("RecordDecisions", One("true", "false"), 25);
        Add("ReturnLse", One("true", "false"), 25);
        string target = Mostly("", One("method: ", "return: "), 97);
        string name = Mostly("SkipSoftmaxAttention", One("SkipSoftmaxAttentionAttribute", "SkipSoftmax.SkipSoftmaxAttention", "System.Obsolete, SkipSoftmaxAttention", "SkipSoftmaxAttention, SkipSoftmaxAttention"), 94);
        return $"[{target}{name}({string.Join(", ", arguments.OrderBy(_ => random.Next()))})]";

        void Add(string argument, string value, int percent)
        {
            if (random.Next(100) < percent)
            {
                arguments.Add($"{argument} = {value}");
            }
        }
    }

    private string Damage(string source)
    {
        for (int count = random.Next(1, 4); count > 0; count--)
        {
            int at = random.Next(source.Length);
            int length = Math.Min(random.Next(1, 30), source.Length - at);
            source = random.Next(5) switch
            {
                0 => source[..at],
                1 => source.Remove(at, length),
                2 => source.Insert(at, One(Fragments)),
                3 => source.Insert(at, source.Substring(at, length)),
                _ => source.Remove(at, 1).Insert(at, One(Fragments)),
            };
            if (source.Length == 0)
            {
                return source;
            }
        }
        return source;
    }

    private T One<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private T Mostly<T>(T usual, T unusual, int percent = 90) => random.Next(100) < percent ? usual : unusual;
}
