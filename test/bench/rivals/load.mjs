// Copied into the cache folder beside node_modules, so that names are resolved there.

/**
 * @param {string} name
 * @returns {Promise<unknown>}
 */
export function load(name) {
  return import(name);
}
