using System.CommandLine;
using SkipSoftmax.Tool.CommandLine;

namespace SkipSoftmax.Tool;

/// <summary>The <c>skip-softmax</c> command: docs/tool.md.</summary>
internal static class Program
{
    private static int Main(string[] words) => Run(words, Console.Out, Console.Error);

    /// <summary>Runs one command line; answers go to <paramref name="output"/>, progress and complaints to <paramref name="errors"/>.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    internal static int Run(string[] words, TextWriter output, TextWriter errors)
    {
        Terminal terminal = new(output, errors);
        RootCommand root = ToolCommands.Create(terminal);
        ParseResult line = root.Parse(words);
        try
        {
            if (line.Errors.Count > 0 && line.Action is System.CommandLine.Invocation.ParseErrorAction)
            {
                throw new ToolException(ExitCode.Misused, $"{string.Join(' ', line.Errors.Select(error => error.Message))} See skip-softmax --help, and --help of each command.");
            }
            return line.Invoke(new InvocationConfiguration { Output = output, Error = errors, EnableDefaultExceptionHandler = false });
        }
        catch (ToolException exception)
        {
            return terminal.Fail(exception.ExitCode, exception.Message, line);
        }
        catch (Exception exception) when (exception is InvalidDataException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            return terminal.Fail(ExitCode.Misused, exception.Message, line);
        }
    }
}
