import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runCommand, runProgram } from '../../support/command.ts'
import { bytesOf } from '../../support/images.ts'
import { glanceClient, nobodyAt, openstackClient } from './clients.ts'
import { DEBIAN_PYTHON } from './python.ts'
import type { Service } from './service.ts'

/** Something that clients do over and over again. Resolves to how often they did; rejects when it went wrong. */
export type Traffic = (over: AbortSignal) => Promise<number>

const FORMATS = { disk_format: 'raw', container_format: 'bare' }

/** Seen from `dist/test/real/support`. */
function beside(name: string): string {
  return fileURLToPath(new URL(`../../../../test/real/support/${name}`, import.meta.url))
}

/** Debian's python-glanceclient, which knows both versions of the API. */
export function pythonClient(service: Service, version: 1 | 2): Traffic {
  return async over => {
    const words = [beside('soak.py'), String(version), service.url]
    const env = { ...process.env, ...DEBIAN_PYTHON, NODE_OPTIONS: undefined }
    const child = spawn('/usr/bin/python3', words, { env, stdio: 'pipe' })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
    }
    const closed = once(child, 'close')
    // That its input ends tells it so.
    const end = () => child.stdin.end()
    over.addEventListener('abort', end)
    if (over.aborted) end()
    await closed
    over.removeEventListener('abort', end)
    if (child.exitCode !== 0) throw new Error(`the client of v${version}: ${said.stderr}`)
    return Number(said.stdout)
  }
}

/** Debian's commands `glance` and `openstack`, in turn. */
export function commandLines(service: Service, folder: string): Traffic {
  const glance = glanceClient(folder, service.url)
  const openstack = openstackClient(folder, nobodyAt(service.url))
  return repeated(async round => {
    const file = join(folder, 'sent')
    await writeFile(file, bytesOf(round, 50_000 + round))
    const id = (
      await openstack('image create -f value -c id --file', file, 'from a command')
    ).trim()
    await glance(`image-show ${id}`)
    await glance(`image-update ${id} --property key=value`)
    await openstack(`image save ${id} --file`, join(folder, 'got'))
    await runCommand('cmp', [file, join(folder, 'got')]).then(expectSuccess('cmp'))
    await openstack(`image delete ${id}`)
  })
}

/** wrk, which lists, shows and downloads these images. */
export function wrk(service: Service, ids: readonly string[]): Traffic {
  return async over => {
    let answers = 0
    while (!over.aborted) {
      const words = [
        '-t',
        '1',
        '-c',
        '4',
        '-d',
        '5s',
        '-s',
        beside('soak.lua'),
        service.url,
        ...ids,
      ]
      const { status, stdout, stderr } = await runCommand('wrk', words)
      if (status !== 0) throw new Error(`wrk: ${stderr}`)
      for (const [, what, times] of stdout.matchAll(/^(\d{3}|broken) (\d+)$/gm)) {
        if (what === '200' || what === '206') answers += Number(times)
        else if (times !== '0') throw new Error(`wrk: ${times} times ${what}\n${stdout}`)
      }
    }
    return answers
  }
}

/** Clients that go away in the middle of what they send or are sent. */
export function abandoned(service: Service, large: string): Traffic {
  const { hostname, port } = new URL(service.url)
  const dial = async (head: string) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {}) // It is we who break it off.
    await once(socket, 'connect')
    socket.write(`${head} HTTP/1.1\r\nHost: glance\r\n`)
    return socket
  }
  return repeated(async round => {
    const id = randomUUID()
    await service.create({ id, ...FORMATS })
    for (const way of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
      const upload = await dial(`PUT /v2/images/${id}/file`)
      upload.write(`Content-Type: application/octet-stream\r\n${way}\r\n\r\n`)
      upload.write(way.startsWith('C') ? bytesOf(round, 100_000) : '3\r\nabc\r\n')
      while ((await service.statusOf(id)) !== 'saving') await delay(5)
      upload.destroy()
      while ((await service.statusOf(id)) !== 'queued') await delay(5)
    }
    const download = await dial(`GET /v2/images/${large}/file`)
    download.write('\r\n')
    await once(download, 'data')
    download.destroy()
    await service.expect(204, 'DELETE', `images/${id}`)
    await delay(50)
  })
}

/** An image is copied from one service to another, and then there is neither. */
export function livecopies(source: Service, target: Service): Traffic {
  return repeated(async round => {
    const id = randomUUID()
    await source.create({ id, name: `copied ${round}`, ...FORMATS })
    await source.uploadBytes(id, new Uint8Array(bytesOf(round, 300_000)))
    const words = ['livecopy', '--filter', `id=${id}`, source.url, target.url]
    expectSuccess('livecopy')(await runProgram(words))
    if ((await target.statusOf(id)) !== 'active') throw new Error(`livecopy: no ${id}`)
    for (const service of [source, target]) await service.expect(204, 'DELETE', `images/${id}`)
  })
}

function repeated(round: (number: number) => Promise<void>): Traffic {
  return async over => {
    let rounds = 0
    for (; !over.aborted; rounds += 1) await round(rounds)
    return rounds
  }
}

function expectSuccess(what: string) {
  return ({
    status,
    stderr,
    stdout,
  }: {
    status: number | null
    stderr: string
    stdout: string
  }) => {
    if (status !== 0) throw new Error(`${what} ended with ${status}: ${stdout}${stderr}`)
  }
}
