<?php
// Four MiB whose bytes tell their place.
$block = implode('', array_map('chr', range(0, 255)));
header('Content-Type: application/octet-stream');
header('Content-Disposition: attachment; filename="data.bin"');
header('Content-Length: ' . (4 << 20));
for ($i = 0; $i < (4 << 20) / 256; $i++) {
    echo $block;
}
