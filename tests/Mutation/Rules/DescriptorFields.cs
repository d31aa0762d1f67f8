namespace SkipSoftmax.Mutation;

/// <summary>
/// A field that tells an instruction where an operand lies is another: start address, leading and stride offset and swizzle mode of a product's
/// descriptor, places in tensor memory, row addresses of matrix loads, and destination and coordinates of a copy; or that a product adds to what is there.
/// </summary>
internal sealed class DescriptorFields : IMutationRule
{
    /// <summary>The mode's bits of a descriptor (PTX ISA 9.7.15.5.1.2.2) against those of the 128-byte swizzle, 1.</summary>
    private static readonly (string Mode, string Bits)[] modes = [("none", "1ull << 62"), ("64 bytes", "3ull << 62"), ("32 bytes", "2ull << 62")];

    /// <summary>Of SM100's (9.7.16.4.1), against 2.</summary>
    private static readonly (string Mode, string Bits)[] tcgen05Modes = [("none", "2ull << 61"), ("64 bytes", "6ull << 61"), ("32 bytes", "4ull << 61")];

    public string Name => "operand place";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        foreach (Call call in file.Calls.Where(call => templates.InstructionOf(call) is not null))
        {
            string text = file.Read(call.First, call.Last);
            switch (call.Name)
            {
                case "wgmma_descriptor" or "wgmma_descriptor_k_major" or "tcgen05_descriptor":
                    yield return Add(file, call.Arguments[0], 32);
                    for (int offset = 1; offset < call.Arguments.Count - 1; offset++)
                    {
                        yield return Add(file, call.Arguments[offset], 1024);
                    }
                    yield return Add(file, call.Arguments[^1], 1024);
                    yield return Add(file, call.Arguments[^1], -512);
                    foreach ((string mode, string bits) in call.Name == "tcgen05_descriptor" ? tcgen05Modes : modes)
                    {
                        // The bits of the 128-byte mode are toggled to those of the mode named.
                        yield return new(call.NameToken, $"{text} with swizzle {mode}", file.Replace(call.First, call.Last, $"({text} ^ ({bits}))"));
                    }
                    break;
                case "wgmma_advance" or "tcgen05_advance":
                    yield return Add(file, call.Arguments[1], 32);
                    yield return Set(file, call.Arguments[1], "0");
                    break;
                case "tcgen05_offset":
                    yield return Add(file, call.Arguments[1], 32);
                    yield return Add(file, call.Arguments[2], 8);
                    yield return Set(file, call.Arguments[2], "0");
                    break;
                case "tcgen05_multiply" or "tcgen05_multiply_tensor":
                    yield return Set(file, call.Arguments[4], "true");
                    yield return Set(file, call.Arguments[4], "false");
                    break;
                case "ldmatrix_x4" or "ldmatrix_x4_transposed":
                    yield return Add(file, call.Arguments[1], 16);
                    yield return Xor(file, call.Arguments[1], 16);
                    yield return Add(file, call.Arguments[1], 128);
                    break;
                case "tma_load_5d":
                    yield return Add(file, call.Arguments[0], 1024);
                    // Coordinates from the innermost on: element, token, panel, head, sequence or page.
                    for (int coordinate = 3; coordinate < call.Arguments.Count; coordinate++)
                    {
                        yield return Add(file, call.Arguments[coordinate], 1);
                    }
                    break;
            }
        }
        // Where rows of matrix loads are placed or taken, an exclusive or is the swizzle.
        foreach (Function function in file.Functions.Where(function => function.Name == "place_rows"
            || file.Calls.Any(call => call.Name.StartsWith("ldmatrix", StringComparison.Ordinal) && function.Body.First < call.NameToken && call.NameToken < function.Body.Last)))
        {
            foreach (Mutation mutation in Swizzles(file, function.Body))
            {
                yield return mutation;
            }
        }
    }

    /// <summary>An address that is swizzled by hand, <c>unit ^ row</c>, is left as it is.</summary>
    private static IEnumerable<Mutation> Swizzles(TemplateFile file, Statement body)
    {
        for (int at = body.First; at < body.Last; at++)
        {
            if (file.Tokens[at].Is("^"))
            {
                int last = file.Tokens[at + 1].Is("(") ? TokenRange.Closing(file.Tokens, at + 1) : at + 1;
                yield return new(at, $"{file.Read(at - 1, last)} → {file.Tokens[at - 1].Value}", file.Replace(at, last, ""));
            }
        }
    }

    private static Mutation Add(TemplateFile file, (int First, int Last) argument, int bytes) =>
        Change(file, argument, text => $"{text} {(bytes < 0 ? '-' : '+')} {Math.Abs(bytes)}");

    private static Mutation Xor(TemplateFile file, (int First, int Last) argument, int bytes) => Change(file, argument, text => $"({text}) ^ {bytes}");

    private static Mutation Set(TemplateFile file, (int First, int Last) argument, string value) => Change(file, argument, _ => value);

    private static Mutation Change(TemplateFile file, (int First, int Last) argument, Func<string, string> change)
    {
        string text = file.Read(argument.First, argument.Last), changed = change(text);
        return new(argument.First, $"{text} → {changed}", file.Replace(argument.First, argument.Last, changed));
    }
}
