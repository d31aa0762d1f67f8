using System.Diagnostics.CodeAnalysis;
using SkipSoftmax.Native;

namespace SkipSoftmax;

/// <summary>A call to the CUDA driver failed.</summary>
public sealed class CudaException : Exception
{
    internal CudaException(string call, int result, string explanation)
        : base($"{call} failed: {explanation}.")
    {
        Call = call;
        Result = result;
    }

    /// <summary>The driver function, such as <c>cuLaunchKernel</c>.</summary>
    public string Call { get; }

    /// <summary>Its <c>CUresult</c>.</summary>
    public int Result { get; }
}

internal static class CudaResultChecks
{
    /// <exception cref="CudaException">The result is an error.</exception>
    public static void Require(this ICudaDriver driver, CudaResult result, string call)
    {
        if (result != CudaResult.Success)
        {
            Throw(driver, result, call);
        }
    }

    [DoesNotReturn]
    private static void Throw(ICudaDriver driver, CudaResult result, string call) => throw new CudaException(call, (int)result, driver.Explain(result));
}
