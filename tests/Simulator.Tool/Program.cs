namespace SkipSoftmax.Simulation;
internal static class Program
{
    private static int Main(string[] arguments) { ImbalanceReport.Print(Console.Out); return 0; }
}
