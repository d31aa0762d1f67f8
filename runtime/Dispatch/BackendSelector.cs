using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Dispatch;

/// <summary>Why there can be no image of a kernel for an architecture; null where there is one or it can be compiled.</summary>
internal delegate string? ImageCheck(int kernelIndex, GpuArchitecture architecture);

/// <summary>A backend and, for the GPU, the kernel to run on it.</summary>
/// <param name="Choice">The public answer.</param>
/// <param name="Device">Null on the CPU path, like the architecture.</param>
/// <param name="Architecture">What the kernel's text is compiled for.</param>
/// <param name="KernelIndex">Index into the descriptor's kernels; −1 on the CPU path.</param>
internal sealed record Selection(BackendChoice Choice, GpuDeviceInfo? Device, GpuArchitecture? Architecture, int KernelIndex);

/// <summary>Chooses a declaration's backend from policy, device and kernels: the GPU where nothing is missing.</summary>
internal static class BackendSelector
{
    /// <exception cref="InvalidOperationException">The policy is <see cref="BackendPolicy.GpuOnly"/> and something is missing.</exception>
    public static Selection Choose(AttentionOptions options, AttentionSpecification specification, IReadOnlyList<GpuKernel> kernels, Lazy<DriverSurvey> driver, ImageCheck whyNoImage)
    {
        if (options.Policy == BackendPolicy.CpuOnly)
        {
            return Cpu("The policy is CpuOnly.");
        }
        string missing;
        if (kernels.Count == 0)
        {
            missing = $"{specification.Name} is declared with Targets = {specification.Targets}, so no GPU kernel was emitted: add the device's target to the declaration.";
        }
        else if (driver.Value.Driver is null)
        {
            missing = $"{driver.Value.State} Install the NVIDIA driver on a machine with a supported GPU.";
        }
        else if (options.DeviceOrdinal >= driver.Value.Devices.Count)
        {
            missing = $"{driver.Value.State} AttentionOptions.DeviceOrdinal {options.DeviceOrdinal} is none of them: pass one below {driver.Value.Devices.Count}.";
        }
        else
        {
            GpuDeviceInfo device = driver.Value.Devices[options.DeviceOrdinal];
            Selection? selection = OnDevice(specification, kernels, device, whyNoImage, out missing);
            if (selection is not null)
            {
                return selection;
            }
        }
        return options.Policy == BackendPolicy.Auto
            ? Cpu(missing)
            : throw new InvalidOperationException($"{specification.Name} can't run on the GPU, and the policy is GpuOnly. {missing} Policy Auto would take the CPU path.");
    }

    private static Selection? OnDevice(AttentionSpecification specification, IReadOnlyList<GpuKernel> kernels, GpuDeviceInfo device, ImageCheck whyNoImage, out string missing)
    {
        if (GpuArchitecture.Of(device.Major, device.Minor) is not { } architecture)
        {
            missing = $"There are no kernels for {device}: use a GPU of compute capability 9.0, 10.0 or 10.3.";
            return null;
        }
        int index = IndexOf(kernels, architecture.Target);
        if (index < 0)
        {
            missing = $"{specification.Name} is declared with Targets = {specification.Targets}, without {architecture.Target} for {device}: add it to the declaration.";
            return null;
        }
        if (whyNoImage(index, architecture) is { } reason)
        {
            missing = reason;
            return null;
        }
        missing = "";
        return new(new(Backend.Gpu, kernels[index].Name, $"{device} runs {architecture.Target} kernels."), device, architecture, index);
    }

    private static int IndexOf(IReadOnlyList<GpuKernel> kernels, GpuTargets target)
    {
        for (int index = 0; index < kernels.Count; index++)
        {
            if (kernels[index].Target == target)
            {
                return index;
            }
        }
        return -1;
    }

    private static Selection Cpu(string reason) => new(new(Backend.Cpu, null, reason), null, null, -1);
}
