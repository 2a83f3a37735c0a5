/** The schema of a listing, whose things are under their plural. */
export function collectionOf<N extends string>(name: N, things: object) {
  return {
    name,
    properties: {
      ...({ [name]: things } as Readonly<Record<N, object>>), // A computed name is any text to the compiler.
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  } as const
}
