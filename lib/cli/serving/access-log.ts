import type { Exchange } from '../../server/http/exchange.ts'
import type { Log } from '../log.ts'

/** Logs a line for each request: for people as Glance's own, for programs its parts as fields besides. */
export function accessLog(log: Log): (exchange: Exchange) => void {
  return exchange => {
    const { requestId, user, project, client, method, path, protocol, status } = exchange
    const { length, seconds } = exchange
    const who = `[${asWord(requestId)} ${asWord(user ?? '-')} ${asWord(project ?? '-')}]`
    const what = `${client} "${method} ${asWord(path)} ${protocol}" ${status} ${length ?? '-'}`
    log.info(`${who} ${what} ${seconds.toFixed(6)}`, {
      request_id: requestId,
      user,
      project,
      client,
      method,
      path,
      status,
      length,
      seconds,
    })
  }
}

/**
 * What a client has chosen, as a word that cannot pass for other parts of a line, nor for what a terminal acts upon:
 * such characters are as in JavaScript, `\u{5d}`.
 */
export function asWord(text: string): string {
  return text.replaceAll(
    /[^\x21-\x7e]|["[\]\\]/gu,
    one => `\\u{${one.codePointAt(0)?.toString(16)}}`,
  )
}
