namespace SkipSoftmax;

/// <summary>NVRTC refused a kernel's text. The text is the generator's, so this is a defect of this library or an NVRTC too old for it.</summary>
public sealed class KernelCompilationException : Exception
{
    internal KernelCompilationException(string message, string log)
        : base(log.Length == 0 ? message : $"{message}\n{log}") => Log = log;

    /// <summary>NVRTC's log, with lines of the kernel's text.</summary>
    public string Log { get; }
}
