import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { programWords, startCommand } from '../support/command.ts'
import { freePort } from './support/daemon.ts'
import { familyOf } from './support/processes.ts'
import { DEBIAN_PYTHON } from './support/python.ts'
import { waitUntil } from './support/wait.ts'

for (const workers of [0, 2]) {
  t.test(`systemd starts a service of ${workers} workers by its socket, and is told`, async t => {
    // The path of a socket is a short one.
    const folder = await mkdtemp(join(tmpdir(), 'systemd-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const config = join(folder, 'glance-api.conf')
    await writeFile(config, `[DEFAULT]\nworkers = ${workers}\ndata_dir = ${folder}/data\n`)
    const [notify, told] = [join(folder, 'notify'), join(folder, 'told')]
    await using manager = await startCommand('/usr/bin/python3', ['-c', MANAGER, notify, told], {
      environment: DEBIAN_PYTHON,
    })
    t.equal(await manager.firstLine(), 'listening')
    const messages = async () =>
      (await readFile(told, 'utf8'))
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Message) // As the manager writes it.
    const port = await freePort()
    const path = `--setenv=PATH=${process.env['PATH']}`
    const words = ['-l', `127.0.0.1:${port}`, path, `--setenv=NOTIFY_SOCKET=${notify}`]
    await using service = await startCommand('/usr/bin/systemd-socket-activate', [
      ...words,
      ...programWords(['serve', '--config', config]),
    ])

    // It is a client that has the service started, and it waits for it.
    const url = `http://127.0.0.1:${port}`
    let answer: Response | undefined
    await waitUntil('systemd listens', async () => {
      answer = await fetch(`${url}/v2/images`).catch(() => undefined)
      return answer !== undefined
    })
    t.equal(answer?.status, 200, 'who comes before the service is up is answered')
    t.equal(await service.firstLine(), `listening on ${url}`, 'where systemd listens')
    await waitUntil('it is ready', async () => (await messages()).length >= 1)
    const ready = { READY: '1', MAINPID: String(service.pid) }
    t.match(await messages(), [ready])
    // Who tells systemd is a process as well.
    const isAlone = () => familyOf(service.pid).length === 1 + workers
    await waitUntil('it is the process that has the workers', isAlone)

    service.kill('SIGHUP')
    await waitUntil('it has read its configuration', async () => (await messages()).length >= 3)
    const [, reloading, again] = await messages()
    t.equal(reloading?.['RELOADING'], '1')
    const age = Number(reloading?.['now']) - Number(reloading?.['MONOTONIC_USEC'])
    t.ok(age >= 0 && age < 60e6, `by the clock of systemd it was ${age} microseconds before`)
    t.match(again, ready)
    t.equal((await fetch(`${url}/healthcheck`)).status, 200)

    service.kill('SIGTERM')
    t.match(await service.outcome, { status: 0 })
    await waitUntil('it says that it stops', async () => (await messages()).length >= 4)
    t.match((await messages())[3], { STOPPING: '1' })
    t.equal((await messages()).length, 4, 'and nothing besides')
  })
}

/** The variables of one message, and when it came, in microseconds of CLOCK_MONOTONIC. */
type Message = Readonly<Record<string, string | number>>

/** Takes messages as systemd does, and writes each as a line of a file; not those by which a sender sees that one was read. */
const MANAGER = `
import json, socket, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
told = open(sys.argv[2], 'w', buffering=1)
print('listening', flush=True)
while True:
    lines = listener.recv(65536).decode().splitlines()
    message = dict(line.split('=', 1) for line in lines)
    if 'BARRIER' in message:
        continue
    told.write(json.dumps({**message, 'now': time.monotonic_ns() // 1000}) + '\\n')
`
