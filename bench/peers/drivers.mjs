// The packages that bench/before/package-lock.json pins; they are installed there alone.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../before/package.json', import.meta.url))
export const pg = require('pg')
export const { Redis } = require('ioredis')
