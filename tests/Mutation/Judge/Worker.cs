using System.Text.Json;

namespace SkipSoftmax.Mutation;

/// <summary>A process of its own that judges mutants by number, since a mutant may end its process or never end. One line in, one line out.</summary>
internal static class Worker
{
    /// <summary>The number that stands for the templates as they are.</summary>
    public const int Unchanged = -1;

    public static void Run(MutationTarget target, TextReader input, TextWriter output)
    {
        IReadOnlyList<Mutant> mutants = MutantGenerator.Generate(target);
        Judge judge = new(target);
        while (input.ReadLine() is string line)
        {
            int number = int.Parse(line, System.Globalization.CultureInfo.InvariantCulture);
            Verdict verdict;
            try
            {
                verdict = judge.Try(number == Unchanged ? null : mutants[number]);
            }
#pragma warning disable CA1031 // Whatever it is, it must not pass for a mutant's end.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                verdict = new(Outcome.NotTried, exception.GetType().Name, exception.Message, 0);
            }
            output.WriteLine(JsonSerializer.Serialize(verdict));
            output.Flush();
        }
    }
}
