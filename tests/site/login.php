<?php
session_start();
if (($_POST['password'] ?? '') !== 'secret') {
    http_response_code(403);
    exit('no');
}
session_regenerate_id(true);
$_SESSION['name'] = $_POST['name'];
// Absolute, as old frameworks write it: the site must know where its visitor is.
header("Location: http://{$_SERVER['HTTP_HOST']}/index.php", true, 303);
