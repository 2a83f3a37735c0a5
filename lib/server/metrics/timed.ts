/** Told how long an operation took, whether it failed or not. */
export type Observe = (operation: string, seconds: number) => void

/** The same, but each call of one of `operations` is measured until what it resolves to is there. */
export function timed<T extends object>(
  target: T,
  operations: readonly (keyof T & string)[],
  observe: Observe,
): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const operation = operations.find(operation => operation === name)
      // Of the target itself, since what is private is not the proxy's.
      if (operation === undefined) return value.bind(target) as unknown
      return async (...given: readonly unknown[]) => {
        const beganAt = performance.now()
        try {
          return (await Reflect.apply(value, target, given)) as unknown
        } finally {
          observe(operation, (performance.now() - beganAt) / 1000)
        }
      }
    },
  })
}
