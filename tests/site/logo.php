<?php
header('Content-Type: image/svg+xml');
header('Cache-Control: max-age=60');
echo '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#0a7040"/></svg>';
