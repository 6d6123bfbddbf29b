import { readdirSync, readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

// The licences of what the page carries travel with it.
function licences(): Plugin {
  const fonts = readdirSync('node_modules/@fontsource').map((name) => `@fontsource/${name}`);
  return {
    name: 'licences',
    generateBundle() {
      const texts = ['svelte', ...fonts].map((name) => {
        const file = readdirSync(`node_modules/${name}`).find((each) => /^licen[cs]e/i.test(each));
        return `${name}\n\n${file ? readFileSync(`node_modules/${name}/${file}`, 'utf8') : ''}`;
      });
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n----\n\n') });
    },
  };
}

// Built into the Python package; relative addresses, so that it works behind any prefix.
export default defineConfig({
  base: './',
  plugins: [svelte(), licences()],
  build: {
    outDir: '../src/glassgpt/explorer/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8124' } },
});
