<?php
// Event n is printed once the file n is in the folder `gate`: whoever puts it there decides when.
header('Content-Type: text/event-stream');
while (ob_get_level() > 0) {
    ob_end_flush();
}
flush();

for ($n = 1; $n <= 5; $n++) {
    while (!file_exists("{$_GET['gate']}/{$n}")) {
        clearstatcache();
        usleep(5000);
    }
    echo "data: {$n}\n\n";
    flush();
}
