using System.Text;
using ApprovalTests;
using ApprovalTests.Core;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;

namespace SkipSoftmax.Generator.Tests;

/// <summary>
/// A text that must equal <c>Name.verified.ext</c> in a folder. Where it doesn't, it is written beside it as <c>Name.received.ext</c>, and the
/// failure shows the difference.
/// </summary>
internal sealed class Snapshot(string folder, string name, string extension, string text) : IApprovalWriter, IApprovalNamer, IApprovalFailureReporter
{
    private const int ContextLines = 3;

    public const string AcceptCommand = "tests/Generator.Tests/accept-snapshots.sh";

    public string SourcePath => folder;

    public string Name => name;

    public static void Verify(string name, string extension, string text) => Verify(RepositoryFiles.Snapshots, name, extension, text);

    public static void Verify(string folder, string name, string extension, string text)
    {
        Snapshot snapshot = new(folder, name, extension, text);
        Approvals.Verify(snapshot, snapshot, snapshot);
    }

    public string GetApprovalFilename(string basename) => $"{basename}.verified.{extension}";

    public string GetReceivedFilename(string basename) => $"{basename}.received.{extension}";

    public string WriteReceivedFile(string received)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(received, text);
        return received;
    }

    public void Report(string approved, string received) => Assert.Fail(
        $"{Path.GetFileName(received)} is not what was accepted. If the change is meant, run {AcceptCommand} and commit the result.\n"
        + Difference(File.Exists(approved) ? File.ReadAllText(approved) : "", text));

    private static string Difference(string approved, string received)
    {
        List<DiffPiece> lines = InlineDiffBuilder.Diff(approved, received).Lines;
        StringBuilder difference = new();
        int last = -1;
        for (int i = 0; i < lines.Count; i++)
        {
            bool isNearChange = lines[Math.Max(0, i - ContextLines)..Math.Min(lines.Count, i + ContextLines + 1)].Exists(line => line.Type != ChangeType.Unchanged);
            if (!isNearChange)
            {
                continue;
            }
            if (i != last + 1)
            {
                difference.AppendLine("  …");
            }
            last = i;
            difference.Append(lines[i].Type switch { ChangeType.Inserted => "+ ", ChangeType.Deleted => "- ", _ => "  " }).AppendLine(lines[i].Text);
        }
        return difference.ToString();
    }
}
