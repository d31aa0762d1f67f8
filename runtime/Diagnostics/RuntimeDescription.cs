using System.Text;

namespace SkipSoftmax;

/// <summary>What this machine offers to declared kernels. <see cref="ToString"/> gives it for people, one fact a line.</summary>
public sealed record RuntimeDescription
{
    /// <summary>What was found of the CUDA driver.</summary>
    public required string Driver { get; init; }

    /// <summary>CUDA version of the driver; null without one.</summary>
    public required Version? DriverVersion { get; init; }

    /// <summary>CUDA devices by ordinal; empty without a driver.</summary>
    public required IReadOnlyList<GpuDeviceInfo> Devices { get; init; }

    /// <summary>Which NVRTC was found and where, or where it was looked for.</summary>
    public required string Compiler { get; init; }

    /// <summary>Version of NVRTC; null without one.</summary>
    public required Version? CompilerVersion { get; init; }

    /// <summary>Folder of compiled kernels; null where there is none.</summary>
    public required string? CacheDirectory { get; init; }

    /// <summary>Why compiled kernels are not kept; null where they are.</summary>
    public required string? CacheRefusal { get; init; }

    /// <summary>Widest vectors of the CPU path that this machine accelerates, in bits; 0 for none.</summary>
    public required int CpuVectorBits { get; init; }

    /// <summary>Threads of the CPU path.</summary>
    public required int CpuThreads { get; init; }

    /// <summary>What went wrong so far without failing a call.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"CUDA driver: {Driver}");
        foreach (GpuDeviceInfo device in Devices)
        {
            text.AppendLine($"  {device}");
        }
        text.AppendLine($"NVRTC: {Compiler}");
        text.AppendLine(CacheRefusal is null ? $"Cache: {CacheDirectory}" : $"Cache: not used, {CacheRefusal}");
        text.Append($"CPU path: {CpuVectorBits}-bit vectors, {CpuThreads} thread(s)");
        foreach (string warning in Warnings)
        {
            text.AppendLine().Append($"Warning: {warning}");
        }
        return text.ToString();
    }
}
