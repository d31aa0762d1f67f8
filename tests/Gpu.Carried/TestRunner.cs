using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace SkipSoftmax.Gpu.Carried;

/// <summary>Runs this assembly's test classes where there is no test host: facts and theories one after the other, each reported on a line.</summary>
internal sealed class TestRunner(string? filter)
{
    private int passed, failed, skipped;

    /// <summary>Runs all classes and gives the number of failures.</summary>
    public static int RunAll(string? filter)
    {
        TestRunner runner = new(filter);
        runner.Run<DeviceRuleTests>();
        runner.Run<DeviceRepeatabilityTests>();
        runner.Run<DeviceRandomTests>();
        runner.Run<DeviceRealTensorTests>();
        runner.Run<DevicePublishedTableTests>();
        runner.Run<DeviceDecodeRuleTests>();
        runner.Run<DeviceDecodeRandomTests>();
        runner.Run<DeviceDecodeSplitTests>();
        runner.Run<DeviceDecodeRealTensorTests>();
        Console.WriteLine($"{runner.passed} passed, {runner.failed} failed, {runner.skipped} skipped");
        return runner.passed == 0 ? 1 : runner.failed;
    }

    private void Run<[DynamicallyAccessedMembers(Members)] T>() where T : class
    {
        foreach (MethodInfo method in typeof(T).GetMethods(BindingFlags.Public | BindingFlags.Instance))
        {
            string name = $"{typeof(T).Name}.{method.Name}";
            if (method.GetCustomAttribute<FactAttribute>() is null || (filter is not null && !name.Contains(filter, StringComparison.Ordinal)))
            {
                continue;
            }
            DataAttribute[] data = [.. method.GetCustomAttributes<DataAttribute>()];
            IEnumerable<object?[]> rows = data.Length == 0 ? [[]] : data.SelectMany(attribute => attribute.GetData(method));
            foreach (object?[] row in rows)
            {
                RunOne(typeof(T), method, $"{name}({string.Join(", ", row.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)))})", row);
            }
        }
    }

    private void RunOne([DynamicallyAccessedMembers(Members)] Type type, MethodInfo method, string name, object?[] row)
    {
        CollectedOutput output = new();
        long started = Stopwatch.GetTimestamp();
        string outcome;
        try
        {
            ConstructorInfo constructor = type.GetConstructors().Single();
            object instance = constructor.Invoke(constructor.GetParameters().Length == 0 ? [] : [output]);
            method.Invoke(instance, row);
            passed++;
            outcome = "passed";
        }
        catch (TargetInvocationException exception) when (exception.InnerException is Xunit.SkipException skip)
        {
            skipped++;
            outcome = $"skipped: {skip.Message}";
        }
        catch (TargetInvocationException exception)
        {
            failed++;
            outcome = $"FAILED: {exception.InnerException}";
        }
        Console.WriteLine($"{name} [{Stopwatch.GetElapsedTime(started).TotalSeconds:f1} s] {outcome}");
        output.Lines.ForEach(line => Console.WriteLine($"    {line}"));
        Console.Out.Flush();
    }

    private const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    private sealed class CollectedOutput : ITestOutputHelper
    {
        public List<string> Lines { get; } = [];

        public void WriteLine(string message) => Lines.Add(message);

        public void WriteLine(string format, params object[] args) => Lines.Add(string.Format(CultureInfo.InvariantCulture, format, args));
    }
}
