import type { Exchange } from '../../server/http/exchange.ts'
import type { Log } from '../log.ts'

/** Logs a line for each request: for people as Glance's own, for programs its parts as fields besides. */
export function accessLog(log: Log): (exchange: Exchange) => void {
  return exchange => {
    const { requestId, user, project, client, method, path, protocol, status } = exchange
    const { length, seconds } = exchange
    const who = `[${requestId} ${user ?? '-'} ${project ?? '-'}]`
    const what = `${client} "${method} ${path} ${protocol}" ${status} ${length ?? '-'}`
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
