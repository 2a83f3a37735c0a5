import { connect, createServer, type Socket } from 'node:net'

/**
 * `node dist/bench/delay.js PORT TO MS`: passes on what comes to PORT to the port TO, and back, each way so many
 * milliseconds later. Prints a line for each page of images that is asked for.
 */
const [port = 0, to = 0, ms = 0] = process.argv.slice(2).map(Number)
const PAGE = /GET \/v[12]\/images(\/detail)?\?/g

createServer({ allowHalfOpen: true, noDelay: true }, client => {
  const server = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  client.on('data', data => {
    for (const _ of data.toString('latin1').matchAll(PAGE)) console.log('page')
  })
  pass(client, server)
  pass(server, client)
}).listen(port, '127.0.0.1')

function pass(from: Socket, to: Socket): void {
  from.on('data', data => setTimeout(() => to.write(data), ms))
  from.on('end', () => setTimeout(() => to.end(), ms))
  from.on('error', () => to.destroy())
}
