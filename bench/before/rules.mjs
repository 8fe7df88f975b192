// The rules of the hunt as a designer's script in a sandbox; as plain code they are in items.mjs.
import { readFileSync, watchFile } from 'node:fs'
import { LuaFactory } from 'wasmoon'

export const MEMORY_BYTES_MAX = 16 * 1024 * 1024
export const TIME_MS_MAX = 50

// The script failed: an error, more than its memory, more than its time. Nobody expects that.
export class Panic extends Error {}

// A function (player, x, y, remaining) -> the item, 'nothing' or 'sold_out'. One Lua state for the
// life of the process, with a limit on its memory and on the time of each call. A script that is
// changed takes effect within a second.
export async function sandbox(script) {
  const lua = await new LuaFactory().createEngine({
    traceAllocations: true, functionTimeout: TIME_MS_MAX
  })
  const load = () => guarded(() => lua.doStringSync(readFileSync(script, 'utf8')))
  load()
  watchFile(script, { interval: 500 }, load)
  lua.global.setMemoryMax(MEMORY_BYTES_MAX)
  return (...words) => guarded(() => lua.global.get('decide')(...words))
}

function guarded(call) {
  try {
    return call()
  } catch (error) {
    throw new Panic(error.message)
  }
}
