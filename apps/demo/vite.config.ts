import { defineConfig } from 'vite';

export default defineConfig({
  root: 'src/page',
  build: {
    outDir: '../../dist/page',
    emptyOutDir: true,
    // The page's policy allows files, and neither data: addresses nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
