import { setTimeout as delay } from 'node:timers/promises'

/**
 * To be awaited between two questions whether something has come about of which nobody sends word. Asked without a
 * pause, they would take the time in which it comes about.
 */
export async function soon(): Promise<void> {
  await delay(3)
}
