using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace SkipSoftmax.Tool.CommandLine;

/// <summary>Where a command's words go: its answer to the output, as tables or as one JSON document; progress and complaints to the errors.</summary>
internal sealed class Terminal(TextWriter output, TextWriter errors)
{
    /// <summary>Of text that goes to a file or another program: no table is broken there.</summary>
    private const int UnboundedWidth = 400;

    private static readonly JsonSerializerOptions jsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
    };

    private readonly IAnsiConsole console = ConsoleOf(output, ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected);
    private readonly IAnsiConsole progress = ConsoleOf(errors, ReferenceEquals(errors, Console.Error) && !Console.IsErrorRedirected);

    /// <summary>An option of every command.</summary>
    public Option<bool> Json { get; } = new("--json") { Recursive = true, Description = "Answer with one JSON document." };

    /// <summary>Gives the answer, as a document if that was asked for.</summary>
    public void Answer<T>(ParseResult line, T answer, Action<IAnsiConsole> render)
    {
        if (line.GetValue(Json))
        {
            output.WriteLine(JsonSerializer.Serialize(answer, jsonOptions));
        }
        else
        {
            render(console);
        }
    }

    /// <summary>Text as it is, for other programs to take.</summary>
    public void Print(string text) => output.Write(text);

    /// <summary>Says why a command was not carried out.</summary>
    public int Fail(int exitCode, string message, ParseResult line)
    {
        if (line.Tokens.Any(token => token.Value == Json.Name)) // GetValue throws where the line has errors
        {
            output.WriteLine(JsonSerializer.Serialize(new { error = message, exitCode }, jsonOptions));
        }
        else
        {
            errors.WriteLine(message);
        }
        return exitCode;
    }

    /// <summary>Work whose end is not known, with a line that says what goes on.</summary>
    public T Wait<T>(string what, Func<T> work) => progress.Status().Start(what.EscapeMarkup(), _ => work());

    /// <summary>Work of so many steps, with a bar; <paramref name="work"/> calls its argument after each, from any thread.</summary>
    public T Count<T>(string what, int steps, Func<Action, T> work) => progress.Progress().AutoClear(true).Start(context =>
    {
        ProgressTask task = context.AddTask(what.EscapeMarkup(), maxValue: steps);
        return work(() => task.Increment(1));
    });

    /// <summary>A table in the tool's style.</summary>
    public static Table TableOf(params string[] columns)
    {
        Table table = new() { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap());
        }
        return table;
    }

    private static IAnsiConsole ConsoleOf(TextWriter writer, bool interactive)
    {
        IAnsiConsole console = AnsiConsole.Create(new()
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = interactive ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!interactive)
        {
            console.Profile.Width = UnboundedWidth;
            console.Profile.Capabilities.Unicode = true;
        }
        return console;
    }
}
