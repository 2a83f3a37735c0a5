/** A path with a namespace in it. */
export interface NamespacePath {
  readonly Params: { readonly namespace: string }
}

/** A path with something in a namespace in it. */
export interface PartPath {
  readonly Params: { readonly namespace: string; readonly name: string }
}

/** A namespace's name as it stands in a URL, where colons may. */
export function escapeName(name: string): string {
  return encodeURIComponent(name).replaceAll('%3A', ':')
}
