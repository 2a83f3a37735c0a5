import { readdirSync } from 'node:fs'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { runCommand, runProgram, startCommand, startProgram } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { zeros } from './support/images.ts'
import { DEBIAN_PYTHON } from './support/python.ts'
import { idsOf, type Results } from './support/replicator.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

t.test('the manual is clean mdoc', async t => {
  for (const page of readdirSync('man')) {
    const { stdout } = await runCommand('mandoc', ['-Tlint', join('man', page)])
    // Ours name each other, and are not where manuals are looked for.
    const faults = stdout.replaceAll(
      /^.* referenced manual not found: Xr glance-replicator.*\n/gm,
      '',
    )
    t.equal(faults, '', page)
  }
})

t.test('the units for systemd are without fault, and let the program do little else', async t => {
  const folder = t.testdir()
  const program = resolve('dist/bin/glance-replicator.js')
  await chmod(program, 0o755) // As installing it does.
  for (const name of readdirSync('contrib/systemd')) {
    const text = await readFile(join('contrib/systemd', name), 'utf8')
    // Where it is installed it is found by its name.
    const unit = text.replace('ExecStart=glance-replicator ', `ExecStart=${program} `)
    await writeFile(join(folder, name), unit)
  }
  const [daemon, job] = ['glance-replicator.service', 'glance-replicator@nightly.service']
  const scrubber = 'glance-replicator-scrub.service'
  const server = ['glance-replicator-serve.service', 'glance-replicator-serve.socket']
  for (const name of [daemon, job, 'glance-replicator@nightly.timer', scrubber, ...server]) {
    const words = ['verify', '--man=no', join(folder, name)]
    const { status, stderr } = await runCommand('systemd-analyze', words)
    t.equal(status, 0, name)
    t.notMatch(stderr, /glance-replicator/, name)
  }
  for (const name of [daemon, 'glance-replicator@.service', scrubber, ...server.slice(0, 1)]) {
    const words = ['security', '--offline=yes', '--threshold=25', join(folder, name)]
    const { status, stdout } = await runCommand('systemd-analyze', words)
    t.equal(status, 0, `${name}: ${stdout.trimEnd().split('\n').at(-1)}`)
  }
})

t.test('--syslog tells the local syslog in the form of RFC 5424', async t => {
  await using source = await Embedded.start()
  await using target = await Embedded.start()
  await source.create({ id: idOf(1), name: 'réseau', disk_format: 'raw', container_format: 'bare' })
  await source.upload(idOf(1), '/boot/memtest86+x64.bin')
  await using listener = await startCommand('/usr/bin/python3', ['-c', SYSLOG, idOf(1)], {
    environment: DEBIAN_PYTHON,
  })
  t.equal(await listener.firstLine(), 'listening')
  const { status, stderr } = await runProgram([
    'livecopy',
    '--syslog',
    source.address,
    target.address,
  ])
  t.equal(status, 0)
  t.equal(stderr, '', 'nothing but warnings is shown as well')
  const { stdout } = await listener.outcome
  const header = String.raw`<13>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+ \S+ glance-replicator \S+ \S+ \[.*?\]`
  t.match(stdout, new RegExp(`^${header} (\\uFEFF)?${idOf(1)} \\(réseau\\): created, `, 'm'))
})

t.test('a copy of 4 GiB stays under 150 MiB in the replicator and in each server', async t => {
  const file = join(t.testdir(), 'zeros')
  await zeros(file, 4 * GIB)
  await using source = await Embedded.start()
  await using target = await Embedded.start()
  await source.create({ id: idOf(1), disk_format: 'raw', container_format: 'bare' })
  await source.upload(idOf(1), file)
  await rm(file)

  const words = ['livecopy', source.address, target.address, '--json']
  await using program = await startProgram(words)
  let peak = 0
  const watch = setInterval(() => {
    void peakOf(program.pid).then(
      // What has ended but was not waited for yet is still listed, and has no memory.
      bytes => (peak = Math.max(peak, bytes || 0)),
      () => {}, // It has ended.
    )
  }, 20)
  const { status, stdout } = await program.outcome
  clearInterval(watch)
  t.equal(status, 0)
  t.strictSame(idsOf(JSON.parse(stdout) as Results, 'created'), [idOf(1)])
  t.match(await target.image(idOf(1)), { size: 4 * GIB, status: 'active' })
  for (const [who, bytes] of [
    ['the replicator', peak],
    ['the source', await peakOf(source.pid)],
    ['the target', await peakOf(target.pid)],
  ] as const) {
    t.ok(bytes > 0 && bytes < 150 * MIB, `${who}: ${Math.round(bytes / MIB)} MiB`)
  }
})

/** Bytes a process has had in memory at the most. */
async function peakOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024
}

/**
 * Stands in for a system's syslog where there is none, until it has been told of its argument: Node has no datagrams on
 * local sockets. A syslog that is there is moved aside meanwhile.
 */
const SYSLOG = `
import os, socket, sys
path, aside = '/dev/log', '/dev/log.aside'
there = os.path.lexists(path)
if there: os.rename(path, aside)
try:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(60)
    listener.bind(path)
    print('listening', flush=True)
    message = ''
    while sys.argv[1] not in message:
        message = listener.recv(65536).decode()
        print(message, flush=True)
finally:
    os.unlink(path)
    if there: os.rename(aside, path)
`
