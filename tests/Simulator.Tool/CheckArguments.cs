using System.Globalization;

namespace SkipSoftmax.Simulation;

/// <summary>What <c>check</c> is asked.</summary>
internal sealed record CheckArguments
{
    public const string Usage = """
        Usage: dotnet run -c Release --project tests/Simulator.Tool -- <command>
          check <Declarations.cs> [options]   run every SM90 kernel that the file declares on the simulator
            --cases <n>         random problems for each kernel (default 10)
            --seed <n>          of the first of them (default 0)
            --lengths <q>x<k>   query rows and keys of the longest sequence (default: drawn)
            --threshold <t>     what a call passes: λ, or the factor of ContextScaled and TargetSparsity (default: drawn; λ = 0.01 for tensors)
            --tensors <file>    a .safetensors file with float16 query, key and value [token, head, head_dim] instead
            --tokens <n>        the first n tokens of that file (default: all)
          imbalance           work of each SM of an H200 for causal prompts with real skipping
        """;

    /// <summary>The C# file.</summary>
    public required string Declarations { get; init; }

    public int Cases { get; init; } = 10;

    public int Seed { get; init; }

    /// <summary>Null: drawn.</summary>
    public (int Query, int Key)? Lengths { get; init; }

    /// <summary>Null: drawn.</summary>
    public float? Threshold { get; init; }

    /// <summary>Null: random problems.</summary>
    public string? Tensors { get; init; }

    /// <summary>Null: all.</summary>
    public int? Tokens { get; init; }

    /// <exception cref="ArgumentException">Names the option, its value and what it takes.</exception>
    public static CheckArguments Parse(IReadOnlyList<string> words)
    {
        if (words.Count == 0 || words[0].StartsWith('-'))
        {
            throw new ArgumentException("check needs the path of a C# file with declarations.");
        }
        CheckArguments arguments = new() { Declarations = RequireFile("<Declarations.cs>", words[0]) };
        for (int index = 1; index < words.Count; index += 2)
        {
            string option = words[index];
            string value = index + 1 < words.Count ? words[index + 1] : throw new ArgumentException($"{option} has no value.");
            arguments = option switch
            {
                "--cases" => arguments with { Cases = Integer(option, value, 1) },
                "--seed" => arguments with { Seed = Integer(option, value, 0) },
                "--lengths" => arguments with { Lengths = ParseLengths(option, value) },
                "--threshold" => arguments with { Threshold = ParseThreshold(option, value) },
                "--tensors" => arguments with { Tensors = RequireFile(option, value) },
                "--tokens" => arguments with { Tokens = Integer(option, value, 1) },
                _ => throw new ArgumentException($"{option} is no option of check: see the usage."),
            };
        }
        return arguments.Tokens is null || arguments.Tensors is not null
            ? arguments
            : throw new ArgumentException($"--tokens {arguments.Tokens} cuts a file of tensors: give --tensors, or --lengths for random problems.");
    }

    private static string RequireFile(string option, string value) =>
        File.Exists(value) ? value : throw new ArgumentException($"{option} is {value}, where there is no file.");

    private static int Integer(string option, string value, int least) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least
            ? number
            : throw new ArgumentException($"{option} is {value}: give a whole number from {least} on.");

    private static (int, int) ParseLengths(string option, string value)
    {
        string[] parts = value.Split('x');
        return parts.Length == 2
            ? (Integer(option, parts[0], 1), Integer(option, parts[1], 1))
            : throw new ArgumentException($"{option} is {value}: give query rows and keys as 128x1024.");
    }

    private static float ParseThreshold(string option, string value) =>
        float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out float threshold) && float.IsFinite(threshold) && threshold >= 0
            ? threshold
            : throw new ArgumentException($"{option} is {value}: give a finite number from 0 on.");
}
