import { messageOf } from '../errors.ts'
import type { ServerConfig } from '../server/config.ts'
import type { ScrubbedService } from '../server/domain/scrub.ts'
import type { CommandContext } from './command.ts'

export interface OpenedStores extends AsyncDisposable, Pick<ScrubbedService, 'stores'> {
  /** Has a store closed with the others. */
  readonly opened: (store: AsyncDisposable) => void
}

/** The stores of the service; what is wrong with one is told. Disposal closes them. */
export async function openStoresOf(
  config: ServerConfig,
  { log }: Pick<CommandContext, 'log'>,
): Promise<OpenedStores> {
  const { openStores } = await import('../server/open-stores.ts')
  const all: AsyncDisposable[] = []
  const opened = (store: AsyncDisposable) => void all.push(store)
  const stores = await openStores(config, {
    opened,
    report: error => log.error(messageOf(error)),
  })
  const close = async () => {
    for (const store of all) await store[Symbol.asyncDispose]()
  }
  return { stores, opened, [Symbol.asyncDispose]: close }
}
