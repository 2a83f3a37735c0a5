import type { WriteStream } from 'node:tty'
import { formatBytes, formatDuration } from './format.ts'

/** Shows how far a command has come. */
export interface Progress extends Disposable {
  /** Whether anything is shown. */
  readonly shown: boolean
  /** More to do: images, and bytes of their data. */
  expect(images: number, bytes: number): void
  /** One image is done with. */
  finish(): void
  /** Bytes copied in all. */
  copied(total: number): void
  /** Prints a line above whatever is shown. */
  interrupt(line: string): void
}

/** No bar: only lines. */
export function lines(write: (text: string) => void): Progress {
  return {
    shown: false,
    expect: () => {},
    finish: () => {},
    copied: () => {},
    interrupt: line => write(`${line}\n`),
    [Symbol.dispose]: () => {},
  }
}

/** One bar for all images: bytes, images, rate, time left. `now` in milliseconds. */
export async function openBar(terminal: WriteStream, now: () => number): Promise<Progress> {
  const { default: ProgressBar } = await import('progress')
  const began = now()
  let bar: InstanceType<typeof ProgressBar> | undefined
  const state = { images: 0, done: 0, bytes: 0, copied: 0 }

  function draw(): void {
    if (state.images === 0) return
    bar ??= new ProgressBar(
      '[:bar] :copied of :bytes, :done of :images images, :speed/s, :left left',
      {
        stream: terminal,
        total: 1,
        width: 24,
        clear: true,
        renderThrottle: 100,
      },
    )
    // Bytes measure the work; without any, images do.
    const [part, whole] = state.bytes > 0 ? [state.copied, state.bytes] : [state.done, state.images]
    const speed = state.copied / Math.max((now() - began) / 1000, 0.001)
    bar.total = whole
    bar.curr = Math.min(part, whole)
    bar.render({
      copied: formatBytes(state.copied),
      bytes: formatBytes(state.bytes),
      done: String(state.done),
      images: String(state.images),
      speed: formatBytes(speed),
      left: formatDuration((state.bytes - state.copied) / speed),
    })
  }

  return {
    shown: true,
    expect: (images, bytes) => {
      state.images += images
      state.bytes += bytes
      draw()
    },
    finish: () => {
      state.done += 1
      draw()
    },
    copied: total => {
      state.copied = total
      draw()
    },
    interrupt: line => {
      if (bar === undefined) terminal.write(`${line}\n`)
      else bar.interrupt(line)
    },
    [Symbol.dispose]: () => {
      bar?.terminate()
      bar = undefined // A line that comes later does not bring it back.
    },
  }
}
