using System.Runtime.CompilerServices;

namespace SkipSoftmax.Cpu;

/// <summary>
/// The register-blocked matrix product of a group of packed columns and a panel of query rows: an outer product of broadcast values and
/// two vectors of rows for each step. Twelve sums hide the latency of FMA on two ports and leave four of AVX2's sixteen registers for
/// operands. Both products of attention have this form: <c>K · Qᵀ</c> with steps along the head dimension, and <c>Vᵀ · Pᵀ</c> with
/// steps along the keys.
/// </summary>
internal static unsafe class ProductKernels<TSimd, TVector> where TSimd : struct, ISimd<TVector> where TVector : struct
{
    /// <summary>Query rows of a panel: two vectors.</summary>
    public static int Width => 2 * TSimd.Lanes;

    /// <summary>
    /// <c>output[c, row] = output[c, row] · decay[row] + Σ over steps of column[step, c] · panel[step, row]</c>. Long sums are added up from
    /// parts, which keeps their rounding errors apart.
    /// </summary>
    /// <param name="column"><c>[step, group]</c>, packed.</param>
    /// <param name="group">Columns: <see cref="ColumnGroups.Tall"/> or <see cref="ColumnGroups.Short"/>.</param>
    /// <param name="panel"><c>[step, Width]</c>.</param>
    /// <param name="steps">Steps; may be 0.</param>
    /// <param name="part">Steps of a part.</param>
    /// <param name="decay"><c>[Width]</c>; null to overwrite the output.</param>
    /// <param name="output"><c>[group, Width]</c>.</param>
    public static void Multiply(float* column, int group, float* panel, int steps, int part, float* decay, float* output)
    {
        if (group == ColumnGroups.Tall)
        {
            Tall(column, panel, steps, part, decay, output);
        }
        else
        {
            Short(column, panel, steps, part, decay, output);
        }
    }

    /// <summary>
    /// Adds one column's products with steps that not every row takes: the ragged edge under a causal diagonal. What a row does not take
    /// is not even multiplied by 0.
    /// </summary>
    /// <param name="column">The column's values, <paramref name="stride"/> floats apart.</param>
    /// <param name="stride">Floats from one step to the next.</param>
    /// <param name="panel"><c>[step, Width]</c>.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="taken"><c>[Width]</c>: how many of the steps each row takes.</param>
    /// <param name="output"><c>[Width]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddRagged(float* column, nint stride, float* panel, int steps, float* taken, float* output)
    {
        int lanes = TSimd.Lanes;
        TVector a0 = TSimd.Load(output);
        TVector a1 = TSimd.Load(output + lanes);
        for (int step = 0; step < steps; step++, column += stride, panel += 2 * lanes)
        {
            TVector number = TSimd.Broadcast(step);
            TVector value = TSimd.Broadcast(*column);
            a0 = TSimd.Select(TSimd.LessThan(number, TSimd.Load(taken)), TSimd.FusedMultiplyAdd(value, TSimd.Load(panel), a0), a0);
            a1 = TSimd.Select(TSimd.LessThan(number, TSimd.Load(taken + lanes)), TSimd.FusedMultiplyAdd(value, TSimd.Load(panel + lanes), a1), a1);
        }
        TSimd.Store(a0, output);
        TSimd.Store(a1, output + lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tall(float* column, float* panel, int steps, int part, float* decay, float* output)
    {
        int lanes = TSimd.Lanes;
        int width = Width;
        TVector t00 = default, t01 = default, t10 = default, t11 = default, t20 = default, t21 = default;
        TVector t30 = default, t31 = default, t40 = default, t41 = default, t50 = default, t51 = default;
        if (decay is not null)
        {
            TVector d0 = TSimd.Load(decay);
            TVector d1 = TSimd.Load(decay + lanes);
            t00 = TSimd.Multiply(TSimd.Load(output), d0);
            t01 = TSimd.Multiply(TSimd.Load(output + lanes), d1);
            t10 = TSimd.Multiply(TSimd.Load(output + width), d0);
            t11 = TSimd.Multiply(TSimd.Load(output + width + lanes), d1);
            t20 = TSimd.Multiply(TSimd.Load(output + (2 * width)), d0);
            t21 = TSimd.Multiply(TSimd.Load(output + (2 * width) + lanes), d1);
            t30 = TSimd.Multiply(TSimd.Load(output + (3 * width)), d0);
            t31 = TSimd.Multiply(TSimd.Load(output + (3 * width) + lanes), d1);
            t40 = TSimd.Multiply(TSimd.Load(output + (4 * width)), d0);
            t41 = TSimd.Multiply(TSimd.Load(output + (4 * width) + lanes), d1);
            t50 = TSimd.Multiply(TSimd.Load(output + (5 * width)), d0);
            t51 = TSimd.Multiply(TSimd.Load(output + (5 * width) + lanes), d1);
        }
        for (float* end = panel + ((nint)steps * width); panel < end;)
        {
            TVector a00 = default, a01 = default, a10 = default, a11 = default, a20 = default, a21 = default;
            TVector a30 = default, a31 = default, a40 = default, a41 = default, a50 = default, a51 = default;
            for (float* partEnd = panel + ((nint)Math.Min(part, (end - panel) / width) * width); panel < partEnd; panel += width, column += ColumnGroups.Tall)
            {
                TVector b0 = TSimd.Load(panel);
                TVector b1 = TSimd.Load(panel + lanes);
                TVector w = TSimd.Broadcast(column[0]);
                a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
                a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
                w = TSimd.Broadcast(column[1]);
                a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
                a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
                w = TSimd.Broadcast(column[2]);
                a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
                a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
                w = TSimd.Broadcast(column[3]);
                a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
                a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
                w = TSimd.Broadcast(column[4]);
                a40 = TSimd.FusedMultiplyAdd(w, b0, a40);
                a41 = TSimd.FusedMultiplyAdd(w, b1, a41);
                w = TSimd.Broadcast(column[5]);
                a50 = TSimd.FusedMultiplyAdd(w, b0, a50);
                a51 = TSimd.FusedMultiplyAdd(w, b1, a51);
            }
            t00 = TSimd.Add(t00, a00);
            t01 = TSimd.Add(t01, a01);
            t10 = TSimd.Add(t10, a10);
            t11 = TSimd.Add(t11, a11);
            t20 = TSimd.Add(t20, a20);
            t21 = TSimd.Add(t21, a21);
            t30 = TSimd.Add(t30, a30);
            t31 = TSimd.Add(t31, a31);
            t40 = TSimd.Add(t40, a40);
            t41 = TSimd.Add(t41, a41);
            t50 = TSimd.Add(t50, a50);
            t51 = TSimd.Add(t51, a51);
        }
        TSimd.Store(t00, output);
        TSimd.Store(t01, output + lanes);
        TSimd.Store(t10, output + width);
        TSimd.Store(t11, output + width + lanes);
        TSimd.Store(t20, output + (2 * width));
        TSimd.Store(t21, output + (2 * width) + lanes);
        TSimd.Store(t30, output + (3 * width));
        TSimd.Store(t31, output + (3 * width) + lanes);
        TSimd.Store(t40, output + (4 * width));
        TSimd.Store(t41, output + (4 * width) + lanes);
        TSimd.Store(t50, output + (5 * width));
        TSimd.Store(t51, output + (5 * width) + lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Short(float* column, float* panel, int steps, int part, float* decay, float* output)
    {
        int lanes = TSimd.Lanes;
        int width = Width;
        TVector t00 = default, t01 = default, t10 = default, t11 = default;
        TVector t20 = default, t21 = default, t30 = default, t31 = default;
        if (decay is not null)
        {
            TVector d0 = TSimd.Load(decay);
            TVector d1 = TSimd.Load(decay + lanes);
            t00 = TSimd.Multiply(TSimd.Load(output), d0);
            t01 = TSimd.Multiply(TSimd.Load(output + lanes), d1);
            t10 = TSimd.Multiply(TSimd.Load(output + width), d0);
            t11 = TSimd.Multiply(TSimd.Load(output + width + lanes), d1);
            t20 = TSimd.Multiply(TSimd.Load(output + (2 * width)), d0);
            t21 = TSimd.Multiply(TSimd.Load(output + (2 * width) + lanes), d1);
            t30 = TSimd.Multiply(TSimd.Load(output + (3 * width)), d0);
            t31 = TSimd.Multiply(TSimd.Load(output + (3 * width) + lanes), d1);
        }
        for (float* end = panel + ((nint)steps * width); panel < end;)
        {
            TVector a00 = default, a01 = default, a10 = default, a11 = default;
            TVector a20 = default, a21 = default, a30 = default, a31 = default;
            for (float* partEnd = panel + ((nint)Math.Min(part, (end - panel) / width) * width); panel < partEnd; panel += width, column += ColumnGroups.Short)
            {
                TVector b0 = TSimd.Load(panel);
                TVector b1 = TSimd.Load(panel + lanes);
                TVector w = TSimd.Broadcast(column[0]);
                a00 = TSimd.FusedMultiplyAdd(w, b0, a00);
                a01 = TSimd.FusedMultiplyAdd(w, b1, a01);
                w = TSimd.Broadcast(column[1]);
                a10 = TSimd.FusedMultiplyAdd(w, b0, a10);
                a11 = TSimd.FusedMultiplyAdd(w, b1, a11);
                w = TSimd.Broadcast(column[2]);
                a20 = TSimd.FusedMultiplyAdd(w, b0, a20);
                a21 = TSimd.FusedMultiplyAdd(w, b1, a21);
                w = TSimd.Broadcast(column[3]);
                a30 = TSimd.FusedMultiplyAdd(w, b0, a30);
                a31 = TSimd.FusedMultiplyAdd(w, b1, a31);
            }
            t00 = TSimd.Add(t00, a00);
            t01 = TSimd.Add(t01, a01);
            t10 = TSimd.Add(t10, a10);
            t11 = TSimd.Add(t11, a11);
            t20 = TSimd.Add(t20, a20);
            t21 = TSimd.Add(t21, a21);
            t30 = TSimd.Add(t30, a30);
            t31 = TSimd.Add(t31, a31);
        }
        TSimd.Store(t00, output);
        TSimd.Store(t01, output + lanes);
        TSimd.Store(t10, output + width);
        TSimd.Store(t11, output + width + lanes);
        TSimd.Store(t20, output + (2 * width));
        TSimd.Store(t21, output + (2 * width) + lanes);
        TSimd.Store(t30, output + (3 * width));
        TSimd.Store(t31, output + (3 * width) + lanes);
    }
}
