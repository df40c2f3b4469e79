// Command golog verifies an exported log with code that nobody of this project wrote:
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog, the libraries of Go's checksum database.
//
//	golog [-vkey KEY] [-samples N] DIR [OLDER]
//
// It checks the checkpoint's signature, hashes every entry of every bundle and compares it with its tile,
// compares every tile with the tile above up to the signed root hash, proves the inclusion of N sampled
// entries and the last one (N < 0: of all), and proves that DIR extends the checkpoint in the file OLDER.
//
// Exit code: 0 all of it holds, 3 something does not, 2 the command is wrong.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	vkey := flag.String("vkey", "", "the log's verifier key; without it DIR/log.vkey is believed")
	samples := flag.Int64("samples", 500, "entries to prove besides the last; negative: all")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: golog [-vkey KEY] [-samples N] DIR [OLDER]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 1 || flag.NArg() > 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := verify(flag.Arg(0), flag.Arg(1), *vkey, *samples); err != nil {
		fmt.Println("FAIL ", err)
		os.Exit(3)
	}
}

func verify(dir, older, vkey string, samples int64) error {
	if vkey == "" {
		line, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
		if err != nil {
			return err
		}
		vkey = strings.TrimSuffix(string(line), "\n")
		fmt.Println("note  the key is from DIR/log.vkey: this is worth as much as whoever handed over DIR")
	}
	tree, origin, err := openCheckpoint(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	fmt.Printf("ok    checkpoint of %s: %d entries, root %s\n", origin, tree.N, tree.Hash)
	tiles := &tileReader{dir: dir, held: map[tlog.Tile][]byte{}}
	hashes := tlog.TileHashReader(tree, tiles)

	bundles, err := rehash(dir, tree, tiles)
	if err != nil {
		return err
	}
	fmt.Printf("ok    re-hash of every entry in %d bundles\n", bundles)

	count, err := everyTile(tree, tiles)
	if err != nil {
		return err
	}
	fmt.Printf("ok    %d tiles lead to the signed root\n", count)

	proved, err := inclusion(dir, tree, hashes, samples)
	if err != nil {
		return err
	}
	fmt.Printf("ok    inclusion of %d entries\n", proved)

	if older != "" {
		if err := consistency(dir, older, vkey, tree, hashes); err != nil {
			return err
		}
	}
	return nil
}

// openCheckpoint verifies the signed note and reads its three lines.
func openCheckpoint(path string, vkeys ...string) (tlog.Tree, string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return tlog.Tree{}, "", fmt.Errorf("key %q: %v", vkey, err)
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, "", fmt.Errorf("%s: %v", path, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, "", fmt.Errorf("%s: a checkpoint has three lines", path)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, "", fmt.Errorf("%s: %q is no tree size", path, lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, "", fmt.Errorf("%s: %q is no root hash", path, lines[2])
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, lines[0], nil
}

// tileReader reads tiles of tlog-tiles: the same as x/mod's, at paths without the height.
type tileReader struct {
	dir  string
	held map[tlog.Tile][]byte
}

func (r *tileReader) Height() int { return height }

func (r *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		kept, ok := r.held[tile]
		if !ok {
			var err error
			if kept, err = os.ReadFile(filepath.Join(r.dir, tilePath(tile))); err != nil {
				return nil, err
			}
			if len(kept) != tile.W*tlog.HashSize {
				return nil, fmt.Errorf("%s holds %d bytes, not %d", tilePath(tile), len(kept), tile.W*tlog.HashSize)
			}
			r.held[tile] = kept
		}
		data[i] = kept
	}
	return data, nil
}

// tilePath turns x/mod's tile/8/<L>/<N> and tile/8/data/<N> into tile/<L>/<N> and tile/entries/<N>.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if tile.L == -1 {
		path = "entries/" + strings.TrimPrefix(path, "data/")
	}
	return "tile/" + path
}

// row lists the tiles of one level of a tree with n hashes at that level.
func row(level int, n int64) []tlog.Tile {
	var tiles []tlog.Tile
	for at := int64(0); at < n; at += width {
		w := n - at
		if w > width {
			w = width
		}
		tiles = append(tiles, tlog.Tile{H: height, L: level, N: at / width, W: int(w)})
	}
	return tiles
}

func readBundle(dir string, tile tlog.Tile) ([][]byte, error) {
	path := tilePath(tile)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(entries) < tile.W {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends after %d entries", path, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%s has %d bytes behind its last entry", path, len(data))
	}
	return entries, nil
}

// rehash hashes every entry and compares it with the tile of leaf hashes.
func rehash(dir string, tree tlog.Tree, tiles *tileReader) (int, error) {
	bundles := row(-1, tree.N)
	for _, bundle := range bundles {
		entries, err := readBundle(dir, bundle)
		if err != nil {
			return 0, err
		}
		leaves := bundle
		leaves.L = 0
		data, err := tiles.ReadTiles([]tlog.Tile{leaves})
		if err != nil {
			return 0, err
		}
		for i, entry := range entries {
			hash := tlog.RecordHash(entry)
			if !bytes.Equal(hash[:], data[0][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return 0, fmt.Errorf("entry %d in %s does not hash to its leaf in %s",
					bundle.N*width+int64(i), tilePath(bundle), tilePath(leaves))
			}
		}
	}
	return len(bundles), nil
}

// everyTile has x/mod authenticate each tile: TileHashReader checks what it reads against the root hash.
func everyTile(tree tlog.Tree, tiles *tileReader) (int, error) {
	count := 0
	for level, n := 0, tree.N; n > 0; level, n = level+1, n>>height {
		for _, tile := range row(level, n) {
			index := tlog.StoredHashIndex(height*level, tile.N*width)
			if _, err := tlog.TileHashReader(tree, tiles).ReadHashes([]int64{index}); err != nil {
				return 0, fmt.Errorf("%s: %v", tilePath(tile), err)
			}
			count++
		}
	}
	return count, nil
}

func inclusion(dir string, tree tlog.Tree, hashes tlog.HashReader, samples int64) (int64, error) {
	step := int64(1)
	if samples >= 0 && tree.N > samples {
		step = tree.N/(samples+1) + 1
	}
	var wanted []int64
	for at := int64(0); at < tree.N-1; at += step {
		wanted = append(wanted, at)
	}
	if tree.N > 0 {
		wanted = append(wanted, tree.N-1)
	}
	bundles := row(-1, tree.N)
	for _, at := range wanted {
		entries, err := readBundle(dir, bundles[at/width])
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveRecord(tree.N, at, hashes)
		if err != nil {
			return 0, fmt.Errorf("entry %d: %v", at, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(entries[at%width])); err != nil {
			return 0, fmt.Errorf("entry %d: %v", at, err)
		}
	}
	return int64(len(wanted)), nil
}

// consistency proves that the tree extends the older checkpoint, which any key of keys.json may have signed.
func consistency(dir, older, vkey string, tree tlog.Tree, hashes tlog.HashReader) error {
	vkeys := []string{vkey}
	var listed struct {
		Keys []struct {
			Vkey string `json:"vkey"`
		} `json:"keys"`
	}
	if data, err := os.ReadFile(filepath.Join(dir, "keys.json")); err == nil {
		if err := json.Unmarshal(data, &listed); err != nil {
			return fmt.Errorf("keys.json: %v", err)
		}
		for _, key := range listed.Keys {
			if key.Vkey != vkey {
				vkeys = append(vkeys, key.Vkey)
			}
		}
	}
	old, _, err := openCheckpoint(older, vkeys...)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return fmt.Errorf("%s is of %d entries, the log has %d", older, old.N, tree.N)
	}
	if old.N > 0 {
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return fmt.Errorf("consistency from %d: %v", old.N, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("the log does not extend %s: %v", older, err)
		}
	}
	fmt.Printf("ok    consistent with the checkpoint of %d entries\n", old.N)
	return nil
}
