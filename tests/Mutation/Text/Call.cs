namespace SkipSoftmax.Mutation;

/// <summary>A call in a template.</summary>
/// <param name="Name">Of what is called, without scope, object and template arguments.</param>
/// <param name="First">First token: the name, or the object or scope before it.</param>
/// <param name="NameToken">The name.</param>
/// <param name="Last">The closing parenthesis.</param>
/// <param name="IsMember">Called on an object.</param>
/// <param name="Arguments">First and last token of each.</param>
internal sealed record Call(string Name, int First, int NameToken, int Last, bool IsMember, IReadOnlyList<(int First, int Last)> Arguments);
