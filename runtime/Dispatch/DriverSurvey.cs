using System.Text;
using SkipSoftmax.Native;

namespace SkipSoftmax.Dispatch;

/// <summary>What driver and devices there are. Absence is a result like any other.</summary>
/// <param name="Driver">Null where there is none that can be used.</param>
/// <param name="State">What was found, for people.</param>
/// <param name="Version">CUDA version of the driver; null without one.</param>
/// <param name="Devices">In the order of their ordinals.</param>
internal sealed record DriverSurvey(ICudaDriver? Driver, string State, Version? Version, IReadOnlyList<GpuDeviceInfo> Devices)
{
    /// <summary>Surveys the installed driver.</summary>
    public static DriverSurvey OfInstalled()
    {
        (CudaDriver? driver, string state) = CudaDriver.TryOpen();
        return driver is null ? new(null, state, null, []) : Of(driver);
    }

    public static DriverSurvey Of(ICudaDriver driver)
    {
        CudaResult result = driver.Init();
        if (result != CudaResult.Success)
        {
            string state = result == CudaResult.NoDevice ? "The CUDA driver finds no device." : $"The CUDA driver can't start: {driver.Explain(result)}.";
            return new(null, state, null, []);
        }
        try
        {
            driver.Require(driver.DriverGetVersion(out int version), "cuDriverGetVersion");
            driver.Require(driver.DeviceGetCount(out int count), "cuDeviceGetCount");
            var devices = new GpuDeviceInfo[count];
            for (int ordinal = 0; ordinal < count; ordinal++)
            {
                devices[ordinal] = Inspect(driver, ordinal);
            }
            // The driver codes its version as 1000 × major + 10 × minor.
            var cuda = new Version(version / 1000, version % 1000 / 10);
            return new(driver, $"CUDA driver {cuda} with {count} device(s).", cuda, devices);
        }
        catch (CudaException exception)
        {
            return new(null, $"The CUDA driver can't describe its devices: {exception.Message}", null, []);
        }
    }

    private static unsafe GpuDeviceInfo Inspect(ICudaDriver driver, int ordinal)
    {
        driver.Require(driver.DeviceGet(out int device, ordinal), "cuDeviceGet");
        Span<byte> name = stackalloc byte[256];
        fixed (byte* text = name)
        {
            driver.Require(driver.DeviceGetName(text, name.Length, device), "cuDeviceGetName");
        }
        driver.Require(driver.DeviceTotalMem(out nuint bytes, device), "cuDeviceTotalMem");
        return new(ordinal, Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]), Attribute(CudaDeviceAttribute.ComputeCapabilityMajor),
            Attribute(CudaDeviceAttribute.ComputeCapabilityMinor), Attribute(CudaDeviceAttribute.MultiprocessorCount), (long)bytes);

        int Attribute(CudaDeviceAttribute attribute)
        {
            driver.Require(driver.DeviceGetAttribute(out int value, attribute, device), "cuDeviceGetAttribute");
            return value;
        }
    }
}
