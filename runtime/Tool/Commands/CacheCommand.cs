using System.CommandLine;
using SkipSoftmax.Caching;
using SkipSoftmax.Tool.Caching;
using SkipSoftmax.Tool.CommandLine;
using SkipSoftmax.Tool.Declarations;
using Spectre.Console;

namespace SkipSoftmax.Tool.Commands;

/// <summary><c>cache</c>: list, verify, prune, clear.</summary>
internal static class CacheCommand
{
    /// <summary>A writer that has not finished by then was killed.</summary>
    private static readonly TimeSpan abandonedAfter = TimeSpan.FromDays(1);

    public static Command Create(Terminal terminal) => new("cache", "Compiled kernels on disk.") { List(terminal), Verify(terminal), Prune(terminal), Clear(terminal) };

    private static Command List(Terminal terminal)
    {
        Option<string?> folder = ToolOptions.CacheFolder();
        Argument<string?> source = new("source") { Arity = ArgumentArity.ZeroOrOne, Description = $"Whose kernels the entries are to be named by. {DeclarationReader.SourceDescription}" };
        Command command = new("list", "The entries of the cache folder.") { source, folder };
        command.SetAction(line =>
        {
            ILookup<string, ExpectedKernel> names = (line.GetValue(source) is string path ? ExpectedKernel.Of(DeclarationReader.Read(path, terminal)) : []).ToLookup(kernel => kernel.TextHash);
            CacheInventory inventory = Take(line.GetValue(folder));
            ListedEntry[] entries = [.. inventory.Entries.Select(entry => ListedEntry.Of(entry, names[entry.Key.TextHash].FirstOrDefault()))];
            terminal.Answer(line, new { inventory.Folder, inventory.Bytes, Entries = entries, Abandoned = inventory.Abandoned.Count }, console =>
            {
                Table table = Terminal.TableOf("entry", "NVRTC", "state", "bytes", "written", "kernel", "architecture");
                foreach (ListedEntry entry in entries)
                {
                    table.AddRow(
                        $"{entry.File[..16]}…", entry.Compiler, StateOf(entry.State), $"{entry.Bytes:n0}", $"{entry.LastWritten:u}", (entry.Kernel ?? "").EscapeMarkup(), entry.Architecture ?? "");
                }
                console.Write(table);
                console.MarkupLine($"{entries.Length} entries, {inventory.Bytes:n0} bytes, {inventory.Abandoned.Count} unfinished, in {inventory.Folder.EscapeMarkup()}");
            });
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Verify(Terminal terminal)
    {
        Option<string?> folder = ToolOptions.CacheFolder();
        Command command = new("verify", "Reads every entry and checks its digest; a bad one is a failure (exit code 1).") { folder };
        command.SetAction(line =>
        {
            CacheInventory inventory = Take(line.GetValue(folder));
            CacheEntry[] bad = [.. inventory.Entries.Where(entry => entry.State != CacheEntryState.Good)];
            terminal.Answer(line, new { inventory.Folder, Good = inventory.Entries.Count - bad.Length, Bad = bad.Select(entry => ListedEntry.Of(entry, null)) }, console =>
            {
                foreach (CacheEntry entry in bad)
                {
                    console.MarkupLine($"{StateOf(entry.State)}  {entry.Path.EscapeMarkup()}");
                }
                console.MarkupLine($"{inventory.Entries.Count - bad.Length} good, {bad.Length} bad, in {inventory.Folder.EscapeMarkup()}");
            });
            return bad.Length == 0 ? ExitCode.Success : ExitCode.Failed;
        });
        return command;
    }

    private static Command Prune(Terminal terminal)
    {
        Option<string?> folder = ToolOptions.CacheFolder();
        Option<bool> dryRun = DryRun();
        Option<int?> days = new("--older-than") { Description = "Also entries written more than so many days ago." };
        Command command = new("prune", "Removes damaged entries, those that a newer NVRTC has compiled again, and what killed writers left.") { folder, days, dryRun };
        command.SetAction(line =>
        {
            CacheInventory inventory = Take(line.GetValue(folder));
            DateTime oldest = line.GetValue(days) switch
            {
                null => DateTime.MinValue,
                int count and >= 0 => DateTime.UtcNow.AddDays(-count),
                int count => throw new ToolException(ExitCode.Misused, $"--older-than is {count}: give days, from 0 on."),
            };
            HashSet<KernelKey> newest = [.. inventory.Entries.Where(entry => entry.State == CacheEntryState.Good).GroupBy(entry => entry.Key.TextHash).Select(group => group.MaxBy(entry => entry.Key.Compiler)!.Key)];
            IEnumerable<string> useless = inventory.Entries
                .Where(entry => entry.State == CacheEntryState.Damaged || (entry.State == CacheEntryState.Good && !newest.Contains(entry.Key)) || entry.LastWritten < oldest)
                .Select(entry => entry.Path);
            IEnumerable<string> abandoned = inventory.Abandoned.Where(file => DateTime.UtcNow - file.LastWriteTimeUtc > abandonedAfter).Select(file => file.FullName);
            return Remove(line, terminal, inventory, [.. useless, .. abandoned], line.GetValue(dryRun));
        });
        return command;
    }

    private static Command Clear(Terminal terminal)
    {
        Option<string?> folder = ToolOptions.CacheFolder();
        Option<bool> dryRun = DryRun();
        Command command = new("clear", "Removes every entry; other files stay. Applications compile again.") { folder, dryRun };
        command.SetAction(line =>
        {
            CacheInventory inventory = Take(line.GetValue(folder));
            return Remove(line, terminal, inventory, [.. inventory.Entries.Select(entry => entry.Path), .. inventory.Abandoned.Select(file => file.FullName)], line.GetValue(dryRun));
        });
        return command;
    }

    private static int Remove(ParseResult line, Terminal terminal, CacheInventory inventory, string[] paths, bool dryRun)
    {
        List<string> refused = [];
        foreach (string path in dryRun ? [] : paths)
        {
            try
            {
                File.Delete(path);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                refused.Add($"{path}: {exception.Message}");
            }
        }
        terminal.Answer(line, new { inventory.Folder, DryRun = dryRun, Files = paths, Refused = refused }, console =>
        {
            foreach (string path in dryRun ? paths : [])
            {
                console.MarkupLine($"would be removed: {path.EscapeMarkup()}");
            }
            foreach (string failure in refused)
            {
                console.MarkupLine($"[red]can't be removed[/]: {failure.EscapeMarkup()}");
            }
            console.MarkupLine($"{(dryRun ? 0 : paths.Length - refused.Count)} of {paths.Length} files removed from {inventory.Folder.EscapeMarkup()}");
        });
        return refused.Count == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static CacheInventory Take(string? folder) => CacheInventory.Of(
        CacheFolder.Resolve(folder) ?? throw new ToolException(ExitCode.Missing, $"This user has no home folder: name a folder with --folder or {CacheFolder.EnvironmentVariable}."));

    private static Option<bool> DryRun() => new("--dry-run") { Description = "Only say what would be removed." };

    private static string StateOf(CacheEntryState state) => state == CacheEntryState.Good ? "[green]good[/]" : $"[red]{(state == CacheEntryState.Damaged ? "damaged" : "unreadable")}[/]";

    /// <summary>An entry as the tool tells it.</summary>
    private sealed record ListedEntry(string File, string Compiler, CacheEntryState State, long Bytes, DateTime LastWritten, string? Declaration, string? Kernel, string? Architecture)
    {
        public static ListedEntry Of(CacheEntry entry, ExpectedKernel? kernel) => new(
            Path.GetFileName(entry.Path), entry.Key.Compiler.ToString(), entry.State, entry.Bytes, entry.LastWritten, kernel?.Declaration, kernel?.Kernel.Name, kernel?.Architecture);
    }
}
