import type { ImageRecord } from '../../database/database.ts'
import { imageToV2Text } from '../../wire/v2-image-text.ts'
import type { RequestContext } from '../domain/context.ts'
import { JsonText } from '../http/json-text.ts'
import { placesOf } from '../domain/locations.ts'
import type { Service } from '../domain/service.ts'

/** The JSON of an image as the caller sees it, with links to where it is served. */
export function renderImage(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
): JsonText {
  const self = `/v2/images/${image.id}`
  const { shown, directUrl } = service.locations
  const places = placesOf(context, service, image)
  const [first] = places
  const stores = places.flatMap(({ metadata: { store } }) =>
    typeof store === 'string' ? store : [],
  )
  const text = imageToV2Text(image, {
    ...(shown && { locations: places.map(({ url, metadata }) => ({ url, metadata })) }),
    ...(directUrl && first !== undefined && { direct_url: first.url }),
    ...(service.stores.named && stores.length > 0 && { stores: stores.join(',') }),
    self,
    file: `${self}/file`,
    schema: '/v2/schemas/image',
  })
  return new JsonText(text)
}
