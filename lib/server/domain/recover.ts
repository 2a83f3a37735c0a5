import { everything } from '../../image/query.ts'
import { giveUp } from './alter.ts'
import { deleteFrom } from './data.ts'
import type { Service } from './service.ts'

const PAGE = 100

/**
 * Puts right what a service that was killed left behind: images whose upload was cut off wait for their data again,
 * and what there is of it is removed. To be called before any request is taken.
 */
export async function recover(service: Service): Promise<void> {
  const { images } = service.database
  for (;;) {
    const cutOff = await images.list(everything(['saving'], PAGE))
    for (const { id } of cutOff) {
      // Data that the image never named goes first: should this be cut off as well, the image is found again.
      for (const store of service.stores.writable) await deleteFrom(store, store.locate(id))
      await giveUp(service, id, 'saving')
    }
    if (cutOff.length < PAGE) break
  }
  for (const store of service.stores.writable) await store.recover()
}
