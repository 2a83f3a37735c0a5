import { GlanceError } from '../errors.ts'
import { bodyOf, fetchUrl } from '../http/fetch-url.ts'
import { admit, type UriFilter } from '../http/uri-filter.ts'
import { verifySize } from '../stream/verify.ts'
import type { Fetcher } from './import/importer.ts'

/** Fetches what the filter lets through. */
export function fetcherBy(filter: UriFilter): Fetcher {
  return {
    check: async url => {
      await admit(parsed(url), filter)
    },
    open: async (url, { headers, signal }) => {
      const answer = await fetchUrl(parsed(url), { filter, headers, signal })
      const status = answer.statusCode ?? 0
      if (status !== 200) {
        answer.destroy()
        const code = status === 404 ? 'not_found' : 'unavailable'
        throw new GlanceError(code, `the server answered ${status}`)
      }
      const { 'content-length': length } = answer.headers
      const size = length !== undefined && /^\d+$/.test(length) ? Number(length) : null
      return { size, data: verifySize(bodyOf(answer, parsed(url), { signal }), size) }
    },
  }
}

function parsed(url: string): URL {
  if (URL.canParse(url)) return new URL(url)
  throw new GlanceError('invalid', `'${url}' is not a URL`)
}
