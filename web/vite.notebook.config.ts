import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const licence = readFileSync('node_modules/svelte/LICENSE.md', 'utf8').replaceAll('*/', '').replace(/\]\(http[^)]*\)/, ']');

// One module that brings all it needs: styles as a string, and a function around the whole, so that every widget of a
// notebook has a state of its own even where the notebook loads the module only once.
function oneModule(): Plugin {
  return {
    name: 'one-module',
    enforce: 'post',
    generateBundle(_, bundle) {
      let styles = '';
      for (const [name, made] of Object.entries(bundle)) {
        if (made.type !== 'asset') continue;
        styles += String(made.source);
        delete bundle[name];
      }
      for (const made of Object.values(bundle)) {
        if (made.type !== 'chunk') continue;
        const body = made.code.replaceAll('SCOPED_STYLES', () => JSON.stringify(styles));
        made.code = `/*! Svelte\n${licence}*/\nexport default () => {\n${body}\nreturn GlassGPT;\n};\n`;
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), oneModule()],
  publicDir: false,
  build: {
    outDir: '../src/glassgpt/interpret/page',
    emptyOutDir: true,
    target: 'es2022',
    lib: { entry: 'src/notebook/main.ts', formats: ['iife'], name: 'GlassGPT', fileName: () => 'notebook.js' },
  },
});
