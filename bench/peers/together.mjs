// Asks for many at once: what is asked for in one turn of the event loop goes together, up to
// `most`, while at most `calls` are under way. `ask` gets a list and promises the answers, in order.
export function together(ask, { most, calls }) {
  let waiting = []
  let busy = 0

  function flush() {
    while (busy < calls && waiting.length > 0) {
      const some = waiting.splice(0, most)
      busy += 1
      ask(some.map((one) => one.what))
        .then((answers) => some.forEach((one, i) => one.resolve(answers[i])))
        .catch((error) => some.forEach((one) => one.reject(error)))
        .finally(() => { busy -= 1; flush() })
    }
  }

  return (what) => new Promise((resolve, reject) => {
    if (waiting.push({ what, resolve, reject }) === 1) setImmediate(flush)
  })
}
