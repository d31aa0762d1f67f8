using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace SkipSoftmax.Native;

/// <summary>One loaded NVRTC: its entry points as function pointers, because which library it is depends on the options.</summary>
internal sealed unsafe class NvrtcLibrary
{
    private readonly delegate* unmanaged<int, byte*> getErrorString;
    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> createProgram;
    private readonly delegate* unmanaged<nint, int, byte**, int> compileProgram;
    private readonly delegate* unmanaged<nint, nuint*, int> getLogSize;
    private readonly delegate* unmanaged<nint, byte*, int> getLog;
    private readonly delegate* unmanaged<nint, nuint*, int> getCubinSize;
    private readonly delegate* unmanaged<nint, byte*, int> getCubin;
    private readonly delegate* unmanaged<nint*, int> destroyProgram;

    private NvrtcLibrary(nint handle, string path)
    {
        Path = path;
        getErrorString = (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(handle, "nvrtcGetErrorString");
        createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)NativeLibrary.GetExport(handle, "nvrtcCreateProgram");
        compileProgram = (delegate* unmanaged<nint, int, byte**, int>)NativeLibrary.GetExport(handle, "nvrtcCompileProgram");
        getLogSize = (delegate* unmanaged<nint, nuint*, int>)NativeLibrary.GetExport(handle, "nvrtcGetProgramLogSize");
        getLog = (delegate* unmanaged<nint, byte*, int>)NativeLibrary.GetExport(handle, "nvrtcGetProgramLog");
        getCubinSize = (delegate* unmanaged<nint, nuint*, int>)NativeLibrary.GetExport(handle, "nvrtcGetCUBINSize");
        getCubin = (delegate* unmanaged<nint, byte*, int>)NativeLibrary.GetExport(handle, "nvrtcGetCUBIN");
        destroyProgram = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(handle, "nvrtcDestroyProgram");

        var version = (delegate* unmanaged<int*, int*, int>)NativeLibrary.GetExport(handle, "nvrtcVersion");
        int major, minor;
        Require(version(&major, &minor), "nvrtcVersion");
        Version = new(major, minor);

        var archCount = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(handle, "nvrtcGetNumSupportedArchs");
        var archs = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(handle, "nvrtcGetSupportedArchs");
        int count;
        Require(archCount(&count), "nvrtcGetNumSupportedArchs");
        var supported = new int[count];
        fixed (int* first = supported)
        {
            Require(archs(first), "nvrtcGetSupportedArchs");
        }
        SupportedCapabilities = supported;
    }

    /// <summary>Where it was loaded from; a bare name where the system's loader found it.</summary>
    public string Path { get; }

    public Version Version { get; }

    /// <summary>Compute capabilities it compiles for, as <c>10 × major + minor</c>.</summary>
    public IReadOnlyList<int> SupportedCapabilities { get; }

    /// <summary>Loads a library file, or a name for the system's loader to find; null and the reason where that fails.</summary>
    public static (NvrtcLibrary? Library, string State) TryLoad(string path)
    {
        PreloadBuiltins(path);
        if (!NativeLibrary.TryLoad(path, out nint handle))
        {
            return (null, $"{path} can't be loaded.");
        }
        try
        {
            var library = new NvrtcLibrary(handle, path);
            return (library, $"NVRTC {library.Version} at {path}.");
        }
        catch (EntryPointNotFoundException exception)
        {
            NativeLibrary.Free(handle);
            return (null, $"{path} is no NVRTC of CUDA 12 or later: {exception.Message}");
        }
    }

    /// <summary>Compiles one text into a cubin.</summary>
    /// <returns>The cubin, empty where compiling failed, NVRTC's log, and its error name where it failed.</returns>
    public (byte[] Cubin, string Log, string? Error) Compile(ReadOnlySpan<byte> text, string name, ReadOnlySpan<string> options)
    {
        byte[] terminated = [.. text, 0];
        var unmanagedOptions = new nint[options.Length];
        byte* programName = Utf8StringMarshaller.ConvertToUnmanaged(name);
        nint program = 0;
        try
        {
            for (int index = 0; index < options.Length; index++)
            {
                unmanagedOptions[index] = (nint)Utf8StringMarshaller.ConvertToUnmanaged(options[index]);
            }
            fixed (byte* source = terminated)
            fixed (nint* arguments = unmanagedOptions)
            {
                Require(createProgram(&program, source, programName, 0, null, null), "nvrtcCreateProgram");
                int result = compileProgram(program, options.Length, (byte**)arguments);
                string log = ReadLog(program);
                return result == 0 ? (ReadCubin(program), log, null) : ([], log, Explain(result));
            }
        }
        finally
        {
            if (program != 0)
            {
                _ = destroyProgram(&program);
            }
            Utf8StringMarshaller.Free(programName);
            foreach (nint option in unmanagedOptions)
            {
                Utf8StringMarshaller.Free((byte*)option);
            }
        }
    }

    private string ReadLog(nint program)
    {
        nuint size;
        Require(getLogSize(program, &size), "nvrtcGetProgramLogSize");
        var log = new byte[size];
        fixed (byte* first = log)
        {
            Require(getLog(program, first), "nvrtcGetProgramLog");
        }
        return System.Text.Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }

    private byte[] ReadCubin(nint program)
    {
        nuint size;
        Require(getCubinSize(program, &size), "nvrtcGetCUBINSize");
        var cubin = new byte[size];
        fixed (byte* first = cubin)
        {
            Require(getCubin(program, first), "nvrtcGetCUBIN");
        }
        return cubin;
    }

    /// <summary>NVRTC opens its builtins by bare name, which fails outside the loader's path; a copy already loaded answers to that name.</summary>
    private static void PreloadBuiltins(string path)
    {
        string? folder = System.IO.Path.GetDirectoryName(path);
        if (string.IsNullOrEmpty(folder) || !Directory.Exists(folder))
        {
            return;
        }
        string pattern = OperatingSystem.IsWindows() ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so.*";
        foreach (string builtins in Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal))
        {
            _ = NativeLibrary.TryLoad(builtins, out _);
        }
    }

    private string Explain(int result) => Utf8StringMarshaller.ConvertToManaged(getErrorString(result)) ?? $"NVRTC error {result}";

    private void Require(int result, string call)
    {
        if (result != 0)
        {
            throw new KernelCompilationException($"{call} failed: {Explain(result)}.", "");
        }
    }
}
