using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Simulation;

/// <summary>The simulator from the command line: see <see cref="CheckArguments.Usage"/>.</summary>
internal static class Program
{
    private const int Good = 0;
    private const int Bad = 1;
    private const int Misused = 2;

    private static int Main(string[] words) => Run(words, Console.Out, Console.Error);

    /// <summary>0: everything was right; 1: a kernel was not; 2: it could not be run, with the reason in <paramref name="errors"/>.</summary>
    internal static int Run(string[] words, TextWriter output, TextWriter errors)
    {
        try
        {
            switch (words)
            {
                case ["check", .. string[] rest]:
                    CheckArguments arguments = CheckArguments.Parse(rest);
                    if (HostCompiler.Unavailable is string reason)
                    {
                        errors.WriteLine(reason);
                        return Misused;
                    }
                    return CheckCommand.Run(arguments, output) ? Good : Bad;
                case ["imbalance"]:
                    ImbalanceReport.Print(output);
                    return Good;
                default:
                    errors.WriteLine(CheckArguments.Usage);
                    return Misused;
            }
        }
        catch (Exception exception) when (exception is ArgumentException or DeclarationException or InvalidDataException)
        {
            errors.WriteLine(exception.Message);
            return Misused;
        }
    }
}
