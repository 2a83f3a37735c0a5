import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import type { Image } from '../../lib/image/image.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { sendJson, startListener } from './listener.ts'

/** How one request for image data is answered; whatever is not said is as it should be. */
export interface Manner {
  /** In place of the data. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes of the body after which the connection is cut. */
  readonly cutAfter?: number
  /** Bytes of the body after which nothing more comes. */
  readonly stallAfter?: number
  /** Whether the first byte is another. */
  readonly corrupt?: boolean
  /** Before this is settled nothing is said. */
  readonly until?: Promise<unknown>
  /** Bytes that there are in all, as the answer to a range says. */
  readonly total?: number
  /** What becomes of a range: all is sent, 400, 416, or a range that begins a byte before what it says. */
  readonly range?: 'ignored' | 'refused' | 'unsatisfiable' | 'mislabelled'
}

export interface UnrulyServer {
  readonly url: string
  /** Each request for data as it came: the number of the image, and its range if there was one. */
  readonly asked: readonly string[]
  /** Has these images from now on, and answers the n-th request for data from 1 on as told. */
  serve(images: readonly Stored[], manner?: (asked: number, range?: string) => Manner): void
}

export interface Stored {
  readonly image: Image
  readonly data: Buffer
}

/** A Glance that is read from, and that does what a bad network, or a store without ranges, does. */
export async function startUnruly(
  t: Test,
  images: readonly Stored[],
  manner: (asked: number, range?: string) => Manner = () => ({}),
): Promise<UnrulyServer> {
  const asked: string[] = []
  let state = { images, manner, count: 0 }
  const url = await startListener(t, (request, response) => {
    const [, id, file] = /^\/v2\/images\/([^/?]+)(\/file)?$/.exec(request.url ?? '') ?? []
    if (id === undefined) {
      const { searchParams } = new URL(request.url ?? '', 'http://unruly')
      const shown = state.images.filter(
        ({ image }) => searchParams.has('os_hidden') === image.hidden,
      )
      return sendJson(response, 200, { images: shown.map(({ image }) => imageToV2(image)) })
    }
    const stored = state.images.find(({ image }) => image.id === id)
    if (stored === undefined) return sendJson(response, 404, {})
    if (file === undefined) return sendJson(response, 200, imageToV2(stored.image))
    // As Glance's v2.
    if (request.method === 'HEAD') return void response.writeHead(405).end()
    const { range } = request.headers
    asked.push([Number.parseInt(id.slice(-12), 16), range].join(' ').trim())
    state.count += 1
    const manner = state.manner(state.count, range)
    void Promise.resolve(manner.until).then(() => answer(response, stored, range, manner))
  })
  return {
    url,
    asked,
    serve: (images, manner = () => ({})) => {
      state = { images, manner, count: 0 }
    },
  }
}

function answer(
  response: ServerResponse,
  { data, image }: Stored,
  range: string | undefined,
  manner: Manner,
): void {
  if (manner.status !== undefined) {
    response.writeHead(manner.status, manner.headers)
    return void response.end()
  }
  const [, begin = '0', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  const from = Number(begin)
  const isAsked = from > 0 || end !== ''
  if (isAsked && manner.range === 'refused') return void response.writeHead(400).end()
  if (isAsked && manner.range === 'unsatisfiable') return void response.writeHead(416).end()
  const isRange = isAsked && manner.range !== 'ignored'
  const first = manner.range === 'mislabelled' ? from - 1 : from
  const last = end === '' || !isRange ? data.length - 1 : Number(end)
  const body = Buffer.from(data.subarray(isRange ? first : 0, last + 1))
  if (manner.corrupt === true && body[0] !== undefined) body[0] ^= 1
  response.writeHead(isRange ? 206 : 200, {
    'content-length': body.length,
    ...(image.checksum === null ? {} : { 'content-md5': image.checksum }),
    ...(isRange
      ? { 'content-range': `bytes ${first}-${last}/${manner.total ?? data.length}` }
      : {}),
    ...manner.headers,
  })
  const { cutAfter, stallAfter } = manner
  if (stallAfter !== undefined) return void response.write(body.subarray(0, stallAfter))
  if (cutAfter === undefined) return void response.end(body)
  response.write(body.subarray(0, cutAfter), () => response.destroy())
}
