import { GlanceError } from '../errors.ts'
import { isImageId } from '../image/image.ts'
import type {
  ImportMethodName,
  ImportMethodRequest,
  ImportRequest,
  RemoteImage,
} from '../image/import.ts'
import { shown } from './shown.ts'
import { isObject } from '../image/json.ts'
import type { V2Document } from './v2-image.ts'

/** Reads the body of a request to import. @throws {GlanceError} `invalid`. */
export function parseImportRequest(
  document: unknown,
  enabled: readonly ImportMethodName[],
): ImportRequest {
  const body = isObject(document) ? document : {}
  const method = body['method']
  if (!isObject(method)) throw invalid("Import request requires a 'method' field.")
  if (!('name' in method)) throw invalid("Import request requires a 'name' field.")
  const name = enabled.find(name => name === method['name'])
  if (name === undefined) throw invalid(`Unknown import method name '${shown(method['name'])}'.`)
  const { all_stores_must_succeed: mustSucceed = true, all_stores: allStores = false } = body
  if (typeof mustSucceed !== 'boolean') {
    throw invalid("'all_stores_must_succeed' must be boolean value only")
  }
  if (typeof allStores !== 'boolean') throw invalid("'all_stores' must be boolean value only")
  return {
    method: methodOf(name, method),
    stores: storesOf(body),
    allStores,
    allStoresMustSucceed: mustSucceed,
    document: name === 'glance-download' ? withInterface(body, method) : body,
  }
}

/** As Glance tells it again in the task. */
function withInterface(body: V2Document, method: V2Document): V2Document {
  return { ...body, method: { glance_service_interface: 'public', ...method } }
}

function methodOf(name: ImportMethodName, method: V2Document): ImportMethodRequest {
  switch (name) {
    case 'web-download': {
      const { uri } = method
      return { name, uri: typeof uri === 'string' ? uri : '' }
    }
    case 'glance-download':
      return { name, source: remoteImage(method) }
    case 'glance-direct':
    case 'copy-image':
      return { name }
  }
}

/** The error is only thrown when it is known that the image could be imported: as Glance. */
function remoteImage(method: V2Document): RemoteImage | GlanceError {
  const { glance_region: region, glance_image_id: imageId } = method
  const { glance_service_interface: side = 'public' } = method
  if (typeof region !== 'string') return notSet('glance_region')
  if (typeof imageId !== 'string') return notSet('glance_image_id')
  if (typeof side !== 'string') return invalid("'glance_service_interface' has to be text")
  if (!isImageId(imageId)) {
    return invalid(`Remote image id does not look like a UUID: ${imageId}`)
  }
  return { region, imageId, interface: side }
}

function notSet(name: string): GlanceError {
  return invalid(`'${name}' needs to be set for glance-download import method`)
}

function storesOf({ stores }: V2Document): readonly string[] | null {
  if (stores === undefined) return null
  if (Array.isArray(stores)) {
    const names = [...new Set<unknown>(stores)]
    if (names.length > 0 && names.every(name => typeof name === 'string')) return names
  }
  throw invalid("'stores' must be a list of store names")
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
