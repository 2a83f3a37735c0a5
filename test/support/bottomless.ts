import { GlanceError, type StoreModule } from '../../lib/index.ts'

const gone = async (): Promise<never> => {
  throw new GlanceError('not_found', 'there is no such bucket')
}

/** A store that finds out only at the end of the data that there is nothing to put it into. */
export const openStore: StoreModule['openStore'] = async ({ id }) => ({
  id,
  writable: true,
  schemes: ['bottomless'],
  locate: image => ({ url: `bottomless:${image}` }),
  holds: ({ url }) => url.startsWith('bottomless:'),
  add: async (_, data) => {
    for await (const chunk of data) void chunk
    return await gone()
  },
  open: gone,
  size: gone,
  delete: gone,
  recover: async () => {},
  [Symbol.asyncDispose]: async () => {},
})
