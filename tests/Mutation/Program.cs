using System.Globalization;
using SkipSoftmax.Simulation;

namespace SkipSoftmax.Mutation;

/// <summary>The mutation run from the command line.</summary>
internal static class Program
{
    /// <summary>What a run's own processes are started with.</summary>
    public const string WorkerCommand = "worker";

    private const string Usage = """
        run [kernel …] [--only text] [--sample n] [--seed n] [--workers n]
            tries every mutant of the kernels (default: all kernels), or those whose description holds the text, or so many drawn by the seed
        list [kernel …]
            prints the mutants
        Exit code: 0 if enough were caught and every survivor is explained in equivalents.json, 1 if not, 2 if nothing could be run.
        """;

    private const int Good = 0;
    private const int Bad = 1;
    private const int Misused = 2;

    private static int Main(string[] words)
    {
        try
        {
            switch (words)
            {
                case [WorkerCommand, string name]:
                    Worker.Run(MutationTarget.Find(name), Console.In, Console.Out);
                    return Good;
                case ["list", .. string[] rest]:
                    foreach (Mutant mutant in RunOptions.Parse(rest).Targets.SelectMany(MutantGenerator.Generate))
                    {
                        Console.WriteLine(mutant);
                    }
                    return Good;
                case ["run", .. string[] rest] when HostCompiler.Unavailable is null:
                    RunOptions options = RunOptions.Parse(rest);
                    return options.Targets.Select(target => MutationRun.Run(target, options, Console.Out)).ToArray().All(good => good) ? Good : Bad;
                default:
                    Console.Error.WriteLine(words is ["run", ..] ? HostCompiler.Unavailable : Usage);
                    return Misused;
            }
        }
        catch (ArgumentException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Misused;
        }
    }
}

/// <summary>What of the mutants is to be run.</summary>
internal sealed record RunOptions
{
    public IReadOnlyList<MutationTarget> Targets { get; init; } = MutationTarget.All;

    /// <summary>Part of the description of those that are tried.</summary>
    public string Only { get; init; } = "";

    /// <summary>So many of them, drawn at random; null: all.</summary>
    public int? Sample { get; init; }

    public int Seed { get; init; }

    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <exception cref="ArgumentException">A word is not known, or a value is missing or not a number.</exception>
    public static RunOptions Parse(string[] words)
    {
        RunOptions options = new();
        List<MutationTarget> targets = [];
        for (int i = 0; i < words.Length; i++)
        {
            string word = words[i];
            options = word switch
            {
                "--only" => options with { Only = Value() },
                "--sample" => options with { Sample = Number() },
                "--seed" => options with { Seed = Number() },
                "--workers" => options with { Workers = Number() },
                _ => Add(options),
            };

            string Value() => ++i < words.Length ? words[i] : throw new ArgumentException($"{word} needs a value after it.");

            int Number() => int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && (number > 0 || word == "--seed")
                ? number
                : throw new ArgumentException($"{word} {words[i]}: use a whole number{(word == "--seed" ? "" : " above 0")}.");

            RunOptions Add(RunOptions unchanged)
            {
                targets.Add(MutationTarget.Find(word));
                return unchanged;
            }
        }
        return targets.Count == 0 ? options : options with { Targets = targets };
    }
}
