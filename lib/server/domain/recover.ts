import type { ImageRecord } from '../../database/database.ts'
import { everything } from '../../image/query.ts'
import { deleteFrom } from './data.ts'
import { giveUp } from './deletion.ts'
import type { Service } from './service.ts'

const PAGE = 100

/**
 * Puts right what a service that was killed left behind: images whose upload was cut off wait for their data again,
 * and what there is of it is removed. Where a store does not do so, which is reported, such an image stays as it is for
 * the next start. To be called before any request is taken.
 */
export async function recover(service: Service): Promise<void> {
  const { images } = service.database
  let marker: string | null = null
  for (;;) {
    const cutOff = await images.list({ ...everything(['saving'], PAGE), marker })
    for (const image of cutOff) await recoverSaving(service, image)
    marker = cutOff.at(-1)?.id ?? null
    if (cutOff.length < PAGE) break
  }
  for (const store of service.stores.writable) await store.recover().catch(service.report)
}

/** The same for one image whose upload was cut off. */
export async function recoverSaving(service: Service, image: ImageRecord): Promise<void> {
  // Data that the image never named goes first: should this be cut off as well, the image is found again.
  if (await isEmptied(service, image)) await giveUp(service, image.id, 'saving')
}

/** Whether no store has any data of the image now. */
async function isEmptied({ stores, report }: Service, image: ImageRecord): Promise<boolean> {
  try {
    for (const store of stores.writable) {
      await deleteFrom(store, store.locate(image.id), { onlyOf: image })
    }
    return true
  } catch (error) {
    report(error)
    return false
  }
}
